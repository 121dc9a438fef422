/* cpu.c - see cpu.h. Bits: Intel, Software Developer's Manual, volume 2, CPUID; volume 1, 13.3 */
#include "crypto/cpu.h"

#include <cpuid.h>

enum {
	LEAF1_ECX_SSSE3 = 1 << 9,
	LEAF1_ECX_SSE41 = 1 << 19,
	LEAF1_ECX_AES = 1 << 25,
	LEAF1_ECX_OSXSAVE = 1 << 27, /* XGETBV may be asked */
	LEAF7_EBX_AVX512F = 1 << 16,
	LEAF7_EBX_SHA = 1 << 29,
	LEAF7_ECX_VAES = 1 << 9,
	XCR0_ZMM = 0xE6, /* SSE, AVX, and the three parts of AVX-512's state */
};

static bool has(uint64_t word, uint64_t bits)
{
	return (word & bits) == bits;
}

unsigned cpu_judge(const struct cpu_words *w)
{
	unsigned found = 0;

	if (has(w->leaf1_ecx, LEAF1_ECX_AES | LEAF1_ECX_SSE41))
		found |= CPU_AESNI;
	if (has(w->leaf1_ecx, LEAF1_ECX_SSSE3 | LEAF1_ECX_SSE41) &&
	    has(w->leaf7_ebx, LEAF7_EBX_SHA))
		found |= CPU_SHANI;
	if ((found & CPU_AESNI) && has(w->leaf7_ebx, LEAF7_EBX_AVX512F) &&
	    has(w->leaf7_ecx, LEAF7_ECX_VAES) && has(w->leaf1_ecx, LEAF1_ECX_OSXSAVE) &&
	    has(w->xcr0, XCR0_ZMM))
		found |= CPU_VAES;
	return found;
}

static uint64_t read_xcr0(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

unsigned cpu_features(void)
{
	struct cpu_words w = {0};
	uint32_t eax, ebx, ecx, edx;

	if (__get_cpuid(1, &eax, &ebx, &ecx, &edx))
		w.leaf1_ecx = ecx;
	if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
		w.leaf7_ebx = ebx;
		w.leaf7_ecx = ecx;
	}
	if (has(w.leaf1_ecx, LEAF1_ECX_OSXSAVE))
		w.xcr0 = read_xcr0();
	return cpu_judge(&w);
}
