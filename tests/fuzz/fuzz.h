#ifndef CUA_TESTS_FUZZ_FUZZ_H
#define CUA_TESTS_FUZZ_FUZZ_H

/* Each fuzz_*.c defines this one function. libFuzzer calls it with inputs of its making, and
 * replay.c with the files of the seed corpus, so that every compiler runs those. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that was not kept; abort() is what libFuzzer reports with the input. */
#define FUZZ_CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

#endif
