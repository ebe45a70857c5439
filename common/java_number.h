/* java_number.h -- floating-point numbers as Java prints them: the fewest digits that read back the
 * same, two at least if they are nearer; from 1e-3 up to 1e7 in full, else with an exponent (1.0E10);
 * NaN, Infinity, -Infinity. */
#ifndef DFS_COMMON_JAVA_NUMBER_H
#define DFS_COMMON_JAVA_NUMBER_H

#include <stdbool.h>

enum { JAVA_NUMBER_MAX = 40 };
void java_double(double v, char *out);
void java_float(float v, char *out);

#endif
