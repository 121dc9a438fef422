/*
 * test.h - a thin layer over cmocka: TEST registers, CHECK_* names what is asserted.
 *
 *     TEST(rd_short_read_consumes_nothing) { ... }
 *     TEST_MAIN()
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"

enum { TEST_MAX = 512 };

static struct CMUnitTest test_list[TEST_MAX];
static size_t test_count;

static inline void test_add(const char *name, CMUnitTestFunction fn)
{
	if (test_count < TEST_MAX)
		test_list[test_count++] = (struct CMUnitTest){.name = name,
							      .test_func = fn};
}

/* Registered before main() in the order of the file. */
#define TEST(name)                                                                       \
	static void name(void **state);                                                  \
	__attribute__((constructor(1000 + __COUNTER__))) static void test_reg_##name(    \
		void)                                                                    \
	{                                                                                \
		test_add(#name, name);                                                   \
	}                                                                                \
	static void name(void **state __attribute__((unused)))

#define TEST_MAIN()                                                                      \
	int main(void)                                                                   \
	{                                                                                \
		return _cmocka_run_group_tests("unit", test_list, test_count, NULL,      \
					       NULL);                                    \
	}

#define CHECK(cond)             assert_true(cond)
#define CHECK_EQ(got, want)     assert_int_equal((got), (want))
#define CHECK_STR(got, want)    assert_string_equal((got), (want))
#define CHECK_MEM(got, want, n) assert_memory_equal((got), (want), (n))
#define CHECK_SPAN(got, want)                                                            \
	do {                                                                             \
		struct span got_ = (got), want_ = (want);                                \
		assert_int_equal(got_.len, want_.len);                                   \
		if (want_.len)                                                           \
			assert_memory_equal(got_.p, want_.p, want_.len);                 \
	} while (0)
#define CHECK_ST(got, want) assert_int_equal((got).v, (want).v)

#define BYTES(...)                                                                       \
	span_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
