/* cmac_isa.c - see cmac_isa.h */
#include "crypto/cmac_isa.h"

#include "crypto/cpu.h"

const struct cmac_isa *cmac_isa_of(enum crypto_backend b)
{
	unsigned has = cpu_features();

	if (b == CRYPTO_VAES && (has & CPU_VAES))
		return &cmac_vaes;
	if (b == CRYPTO_AESNI && (has & CPU_AESNI))
		return &cmac_aesni;
	return NULL;
}
