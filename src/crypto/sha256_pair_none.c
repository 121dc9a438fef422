/* sha256_pair_none.c - sha256_pair.h where no processor has these instructions */
#include "crypto/sha256_pair.h"

sha256_pair sha256_pair_get(void)
{
	return NULL;
}
