/* test_cpu.c - which instructions may be used, from what processors and systems say */
#include "test.h"

#include "crypto/cpu.h"

/* AES, SSE 4.1, SSSE3, OSXSAVE; AVX-512F, SHA; VAES; the state of AVX-512 */
#define ALL                                                                              \
	{                                                                                \
		0x0A080200, 0x20010000, 0x200, 0xE7                                      \
	}

TEST(cpu_needs_both_processor_and_system)
{
	static const struct {
		struct cpu_words w;
		unsigned want;
	} cases[] = {
		{ALL, CPU_AESNI | CPU_VAES | CPU_SHANI},
		{{0}, 0},
		/* the system does not save AVX-512's registers, or one of their three parts, or those of AVX */
		{{0x0A080200, 0x20010000, 0x200, 0x07}, CPU_AESNI | CPU_SHANI},
		{{0x0A080200, 0x20010000, 0x200, 0xC7}, CPU_AESNI | CPU_SHANI},
		{{0x0A080200, 0x20010000, 0x200, 0xA7}, CPU_AESNI | CPU_SHANI},
		{{0x0A080200, 0x20010000, 0x200, 0x67}, CPU_AESNI | CPU_SHANI},
		{{0x0A080200, 0x20010000, 0x200, 0xE3}, CPU_AESNI | CPU_SHANI},
		/* XGETBV may not be asked */
		{{0x02080200, 0x20010000, 0x200, 0xE7}, CPU_AESNI | CPU_SHANI},
		/* VAES without AVX-512, as from Zen 3 and Alder Lake; AVX-512 without VAES */
		{{0x0A080200, 0x20000000, 0x200, 0xE7}, CPU_AESNI | CPU_SHANI},
		{{0x0A080200, 0x20010000, 0, 0xE7}, CPU_AESNI | CPU_SHANI},
		/* no AES, no SSE 4.1, no SSSE3, no SHA */
		{{0x08080200, 0x20010000, 0x200, 0xE7}, CPU_SHANI},
		{{0x0A000200, 0x20010000, 0x200, 0xE7}, 0},
		{{0x0A080000, 0x20010000, 0x200, 0xE7}, CPU_AESNI | CPU_VAES},
		{{0x0A080200, 0x00010000, 0x200, 0xE7}, CPU_AESNI | CPU_VAES},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_EQ(cpu_judge(&cases[i].w), cases[i].want);
}

/* The compiler's own look at this processor. (Clang 14 cannot be asked for VAES.) */
TEST(cpu_agrees_with_the_compiler)
{
	unsigned has = cpu_features();

	CHECK_EQ(!!(has & CPU_AESNI),
		 __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1"));
	CHECK(!(has & CPU_VAES) ||
	      (__builtin_cpu_supports("aes") && __builtin_cpu_supports("avx512f")));
}

TEST_MAIN()
