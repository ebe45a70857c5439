#include "namenode/http/web_token.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "namenode/http/base64.h"

enum { TOKEN_MAX = 1 << 20 };

/* ---- VInts: -112..127 in one byte, else the count of bytes as -113.. or -121.. ---- */

static void put_vint(struct buf *out, uint32_t v)
{
    unsigned bytes = v < 1u << 8 ? 1 : v < 1u << 16 ? 2 : v < 1u << 24 ? 3 : 4;

    if (v <= 127) {
        buf_put_be(out, v, 1);
        return;
    }
    buf_put_be(out, (uint8_t)(-112 - (int)bytes), 1);
    buf_put_be(out, v, bytes);
}

static int64_t take_vint(struct rd *r)
{
    int first = (int8_t)rd_be(r, 1);
    bool negative = first < -120;

    if (first >= -112)
        return first;
    uint64_t v = rd_be(r, (unsigned)(negative ? -120 - first : -112 - first));

    return negative ? ~(int64_t)v : (int64_t)v;
}

/* ---- bytes to text ---- */

static void put_field(struct buf *out, const void *bytes, size_t n)
{
    put_vint(out, (uint32_t)n);
    buf_put(out, bytes, n);
}

json_t *web_token_json(const Pb__TokenProto *t)
{
    struct buf b;
    char *text;
    json_t *json;

    if (!t)
        return json_null();
    buf_init(&b, TOKEN_MAX);
    put_field(&b, t->identifier.data, t->identifier.len);
    put_field(&b, t->password.data, t->password.len);
    put_field(&b, t->kind, strlen(t->kind));
    put_field(&b, t->service, strlen(t->service));
    text = b.bad ? NULL : malloc(b.n * 2 + 4);
    if (text)
        base64_put(text, b.bytes, b.n, BASE64_URL);
    json = text ? json_pack("{s:s}", "urlString", text) : NULL;
    free(text);
    buf_done(&b);
    return json;
}

/* ---- text to bytes ---- */

static int take_field(struct rd *r, const uint8_t **bytes, size_t *n, struct err *err)
{
    int64_t length = take_vint(r);

    if (!r->bad && length < 0)
        return err_set_class(err, ERR_ARGUMENT, "java.lang.NegativeArraySizeException", "%lld",
                             (long long)length);
    *n = (size_t)length;
    *bytes = rd_bytes(r, *n);
    return r->bad ? err_set(err, ERR_CLOSED, "token cut short") : 0;
}

int web_token_parse(const char *text, struct arena *arena, Pb__TokenProto *out, struct err *err)
{
    uint8_t *bytes = arena_alloc(arena, strlen(text) + 1);
    const uint8_t *field[4];
    size_t n[4];
    struct rd r;
    int rc = 0;

    if (!bytes)
        return err_set(err, ERR_NOMEM, "token");
    r = rd_of(bytes, base64_take(text, bytes));
    for (int i = 0; i < 4 && rc == 0; i++)
        rc = take_field(&r, &field[i], &n[i], err);
    if (rc < 0)
        return rc;
    pb__token_proto__init(out);
    out->identifier = (ProtobufCBinaryData){.data = (uint8_t *)field[0], .len = n[0]};
    out->password = (ProtobufCBinaryData){.data = (uint8_t *)field[1], .len = n[1]};
    out->kind = arena_strndup(arena, (const char *)field[2], n[2]);
    out->service = arena_strndup(arena, (const char *)field[3], n[3]);
    return out->kind && out->service ? 0 : err_set(err, ERR_NOMEM, "token");
}
