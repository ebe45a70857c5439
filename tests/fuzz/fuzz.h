/* fuzz.h -- a fuzz target: one parser, any bytes.
 *
 * `make fuzz` links each fuzz_NAME.c with libFuzzer (clang) and runs it over corpus/NAME for
 * FUZZ_SECONDS; what it finds goes into the corpus, crash and all, once it is mended.
 * `make fuzz-regress` links it with regress.c instead and feeds it the corpus, each input also cut
 * at every byte and with every byte changed: fast, with any compiler, the same every time.
 *
 * A target returns 0 and leaves nothing behind.  What must hold of a result is said with MUST.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#endif
