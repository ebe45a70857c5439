#include "common/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int errno_value;
    const char *java_class;
    const char *sentence;
} rows[ERR_COUNT] = {
    [ERR_NONE] = {"NONE", 0, "", "no error"},
#define X(name, errno_, java, text) [ERR_##name] = {#name, errno_, java, text},
#include "common/errors.def"
#undef X
};

static void set_text(struct err *err, const char *fmt, va_list ap)
{
    vsnprintf(err->text, sizeof err->text, fmt, ap);
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    if (err) {
        va_list ap;

        err->code = code;
        err->java_class[0] = 0;
        va_start(ap, fmt);
        set_text(err, fmt, ap);
        va_end(ap);
    }
    return -(int)code;
}

int err_set_class(struct err *err, enum err_code code, const char *java_class, const char *fmt, ...)
{
    if (err) {
        va_list ap;

        err->code = code;
        snprintf(err->java_class, sizeof err->java_class, "%s", java_class);
        va_start(ap, fmt);
        set_text(err, fmt, ap);
        va_end(ap);
    }
    return -(int)code;
}

int err_wrap(struct err *err, int rc, const char *fmt, ...)
{
    if (err) {
        char old[ERR_TEXT_MAX];
        va_list ap;
        size_t n;

        memcpy(old, err->text, sizeof old);
        va_start(ap, fmt);
        set_text(err, fmt, ap);
        va_end(ap);
        n = strlen(err->text);
        snprintf(err->text + n, sizeof err->text - n, ": %s", old);
    }
    return rc;
}

/* The rows that an errno of the local system turns into; all others are ERR_IO. */
static enum err_code code_of_errno(int e)
{
    switch (e) {
    case ENOENT: return ERR_NOENT;
    case EACCES:
    case EPERM: return ERR_ACCESS;
    case EEXIST: return ERR_EXISTS;
    case ENOTDIR: return ERR_NOTDIR;
    case EISDIR: return ERR_ISDIR;
    case ENOTEMPTY: return ERR_NOTEMPTY;
    case ENOSPC:
    case EDQUOT: return ERR_NO_DISK;
    case ENOMEM: return ERR_NOMEM;
    case ECONNREFUSED: return ERR_CONNECT;
    case EHOSTUNREACH:
    case ENETUNREACH: return ERR_HOST;
    case ETIMEDOUT:
    case EAGAIN: return ERR_TIMEOUT;
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED: return ERR_CLOSED;
    case EINTR: return ERR_INTERRUPTED;
    default: return ERR_IO;
    }
}

int err_sys(struct err *err, int saved_errno, const char *fmt, ...)
{
    enum err_code code = code_of_errno(saved_errno);

    if (err) {
        char reason[128];
        va_list ap;
        size_t n;

        err->code = code;
        err->java_class[0] = 0;
        va_start(ap, fmt);
        set_text(err, fmt, ap);
        va_end(ap);
        n = strlen(err->text);
        snprintf(err->text + n, sizeof err->text - n, ": %s",
                 strerror_r(saved_errno, reason, sizeof reason));
    }
    return -(int)code;
}

int err_from_java(struct err *err, const char *java_class, const char *message)
{
    enum err_code code = ERR_REMOTE;

    for (int c = 1; c < ERR_COUNT && code == ERR_REMOTE; c++)
        if (strcmp(rows[c].java_class, java_class) == 0)
            code = (enum err_code)c;
    return err_set_class(err, code, java_class, "%s", message ? message : "");
}

void err_clear(struct err *err)
{
    err->code = ERR_NONE;
    err->java_class[0] = 0;
    err->text[0] = 0;
}

const char *err_name(enum err_code code)
{
    return code < ERR_COUNT ? rows[code].name : "?";
}

const char *err_sentence(enum err_code code)
{
    return code < ERR_COUNT ? rows[code].sentence : "?";
}

const char *err_java_class(const struct err *err)
{
    return err->java_class[0] ? err->java_class : rows[err->code].java_class;
}

int err_to_errno(enum err_code code)
{
    return code < ERR_COUNT ? rows[code].errno_value : EIO;
}

void must_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "FATAL must=\"%s\" at=%s:%d next=\"stop: a wrong answer is worse\"\n", what,
            file, line);
    abort();
}
