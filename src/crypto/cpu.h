/*
 * cpu.h - which instructions of an x86-64 processor may be used. For src/crypto only.
 *
 * The processor must have them (CPUID), and the system must save the registers they work on (XGETBV): under valgrind, or
 * where AVX-512 was switched off at boot, one is true without the other.
 *
 * Owns     nothing.
 * Threads  any.
 */
#pragma once

#include "base/attr.h"

enum {
	CPU_AESNI = 1 << 0, /* AES, 16 bytes an instruction		*/
	CPU_VAES = 1 << 1,  /* AES on the 64-byte registers of AVX-512	*/
	CPU_SHANI = 1 << 2, /* SHA-256					*/
};

/* What the processor says, register by register. */
struct cpu_words {
	uint32_t leaf1_ecx;
	uint32_t leaf7_ebx;
	uint32_t leaf7_ecx;
	uint64_t xcr0; /* which registers the system saves */
};

/* CPU_* of a processor that says w. */
unsigned cpu_judge(const struct cpu_words *w);

/* CPU_* of this one. */
unsigned cpu_features(void);
