#include "common/java_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* @digits are the significant ones, the first before the point; @exponent is that of the first. */
static void put_digits(const char *digits, int exponent, char *out)
{
    int n = (int)strlen(digits);

    if (exponent < -3 || exponent >= 7) {
        sprintf(out, "%c.%sE%d", digits[0], n > 1 ? digits + 1 : "0", exponent);
    } else if (exponent < 0) {
        sprintf(out, "0.%.*s%s", -exponent - 1, "00", digits);
    } else if (n <= exponent + 1) {
        sprintf(out, "%s%.*s.0", digits, exponent + 1 - n, "000000");
    } else {
        sprintf(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
    }
}

static void put_number(double v, bool is_float, char *out)
{
    int precision = 2, most = is_float ? 9 : 17, n = 0;
    char text[JAVA_NUMBER_MAX], digits[JAVA_NUMBER_MAX];
    const char *e;

    if (isnan(v) || isinf(v) || v == 0) {
        strcpy(out, isnan(v) ? "NaN"
                    : v == 0 ? (signbit(v) ? "-0.0" : "0.0")
                    : v > 0  ? "Infinity"
                             : "-Infinity");
        return;
    }
    for (; precision <= most; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, fabs(v));
        if (is_float ? strtof(text, NULL) == (float)fabs(v) : strtod(text, NULL) == fabs(v))
            break;
    }
    e = strchr(text, 'e');
    for (const char *p = text; p < e; p++)
        if (*p != '.')
            digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = 0;
    if (v < 0)
        *out++ = '-';
    put_digits(digits, atoi(e + 1), out);
}

void java_double(double v, char *out)
{
    put_number(v, false, out);
}

void java_float(float v, char *out)
{
    put_number((double)v, true, out);
}
