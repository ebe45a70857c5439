/* err.h -- what went wrong, for a program, for a remote client and for a person.
 *
 * Functions return 0 or -ERR_X.  Their last parameter is a struct err, which may be NULL and is
 * touched only on failure.  The place that fails says what happened (err_set), each level above
 * adds what it knows (err_wrap), and the top prints it:  rename: /a/b: permission denied
 *
 * An error that came over the wire keeps the Java class it came with, and one that goes out may
 * name a class of its own; both are in java_class, NULL standing for the class of the code's row.
 *
 * Thread:  any; a struct err belongs to its caller.
 * Memory:  no pointers to free; java_class points to a constant or into the struct itself.
 */
#ifndef DFS_COMMON_ERR_H
#define DFS_COMMON_ERR_H

#include <stdarg.h>
#include <stddef.h>

enum err_code {
    ERR_NONE = 0,
#define X(name, errno_, java, text) ERR_##name,
#include "common/errors.def"
#undef X
    ERR_COUNT
};

enum { ERR_TEXT_MAX = 1024, ERR_CLASS_MAX = 128 };

struct err {
    enum err_code code;
    char java_class[ERR_CLASS_MAX]; /* empty: that of the code's row */
    char text[ERR_TEXT_MAX];        /* one sentence, no newline at its end; cut when too long */
};

/* Fills @err (if any) and returns -code, so that failing is one statement. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with the Java class given, for the many exceptions that are one code to us. */
int err_set_class(struct err *err, enum err_code code, const char *java_class, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "what: " in front of the text and returns @rc. */
int err_wrap(struct err *err, int rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* An error of the operating system: picks the row by @saved_errno, ends the text with strerror. */
int err_sys(struct err *err, int saved_errno, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Turns an exception that came over the wire into a code; unknown classes become ERR_REMOTE. */
int err_from_java(struct err *err, const char *java_class, const char *message);

void err_clear(struct err *err);

const char *err_name(enum err_code code); /* "NOENT" */
const char *err_sentence(enum err_code code);
const char *err_java_class(const struct err *err); /* what to put on the wire; never NULL */
int err_to_errno(enum err_code code);

/* Stops the process when something that always holds does not: in release builds too. */
#define MUST(x) ((x) ? (void)0 : must_failed(#x, __FILE__, __LINE__))
void must_failed(const char *what, const char *file, int line) __attribute__((noreturn));

#endif
