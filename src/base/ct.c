#include "base/ct.h"

bool ct_eq(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a,
			       *y = b; /* volatile: no early exit may be invented */
	uint32_t diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= (uint32_t)(x[i] ^ y[i]);
	return (diff - 1) >> 31; /* only 0 borrows */
}

void wipe(void *p, size_t n)
{
	if (n)
		explicit_bzero(p, n);
}
