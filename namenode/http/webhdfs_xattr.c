/* webhdfs_xattr.c -- extended attributes over WebHDFS: names with their namespace in front, values as
 * "text", 0xHEX or 0sBASE64. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "namenode/http/base64.h"
#include "namenode/http/webhdfs.h"

static const char *const namespaces[] = {"user", "trusted", "security", "system", "raw"};
enum { NAMESPACES = sizeof namespaces / sizeof *namespaces };

/* ---- names ---- */

static int parse_name(struct web_call *c, const char *name, Pb__XAttrProto *out)
{
    const char *dot = strchr(name, '.');
    int i = 0;

    pb__xattr_proto__init(out);
    while (dot && i < NAMESPACES &&
           (strlen(namespaces[i]) != (size_t)(dot - name) ||
            strncasecmp(name, namespaces[i], (size_t)(dot - name)) != 0))
        i++;
    if (!dot || i == NAMESPACES)
        return err_set(&c->err, ERR_HADOOP_ARG,
                       "An XAttr name must be prefixed with user/trusted/security/system/raw, "
                       "followed by a '.'");
    if (!dot[1])
        return err_set(&c->err, ERR_HADOOP_ARG, "XAttr name cannot be empty.");
    out->namespace_ = (Pb__XAttrProto__XAttrNamespaceProto)i;
    out->name = (char *)dot + 1;
    return 0;
}

static char *full_name(struct web_call *c, const Pb__XAttrProto *x)
{
    unsigned ns = (unsigned)x->namespace_;

    return arena_printf(&c->arena, "%s.%s", namespaces[ns < NAMESPACES ? ns : 0], x->name);
}

/* ---- values ---- */

static int from_hex(struct web_call *c, const char *text, ProtobufCBinaryData *out)
{
    static const char java[] = "org.apache.commons.codec.DecoderException";
    size_t n = strlen(text);

    if (n % 2)
        return err_set(&c->err, ERR_IO, "%s: Odd number of characters.", java);
    for (size_t i = 0; i < n; i++)
        if (!isxdigit((unsigned char)text[i]))
            return err_set(&c->err, ERR_IO, "%s: Illegal hexadecimal character %c at index %zu",
                           java, text[i], i);
    for (size_t i = 0; i < n; i += 2) {
        char digits[3] = {text[i], text[i + 1], 0};

        out->data[out->len++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return 0;
}

static int parse_value(struct web_call *c, Pb__XAttrProto *x)
{
    const char *text = web_text(c, WEB_xattr_value);
    size_t n = strlen(text);

    if (n == 0)
        return 0;
    x->has_value = true;
    x->value = (ProtobufCBinaryData){.data = arena_alloc(&c->arena, n + 1)};
    if (!x->value.data)
        return web_nomem(c);
    if (n >= 2 && strncasecmp(text, "0x", 2) == 0)
        return from_hex(c, text + 2, &x->value);
    if (n >= 2 && strncasecmp(text, "0s", 2) == 0) {
        x->value.len = base64_take(text + 2, x->value.data);
        return 0;
    }
    if (n >= 2 && *text == '"' && text[n - 1] == '"')
        text++, n -= 2;
    memcpy(x->value.data, text, n);
    x->value.len = n;
    return 0;
}

static json_t *value_json(struct web_call *c, const Pb__XAttrProto *x)
{
    const ProtobufCBinaryData *v = &x->value;
    char *text = arena_alloc(&c->arena, 2 * v->len + 8), *at = text;

    if (v->len == 0 || !text)
        return text ? json_null() : NULL;
    if (web_number(c, WEB_encoding) == WEB_CODEC_TEXT) {
        *at++ = '"';
        memcpy(at, v->data, v->len);
        at[v->len] = '"';
        return web_json_text(text, v->len + 2);
    }
    *at++ = '0';
    *at++ = web_number(c, WEB_encoding) == WEB_CODEC_HEX ? 'x' : 's';
    if (at[-1] == 's')
        base64_put(at, v->data, v->len, BASE64_PADDED);
    else
        for (size_t i = 0; i < v->len; i++, at += 2)
            snprintf(at, 3, "%02x", v->data[i]);
    return json_string(text);
}

/* ---- operations ---- */

int web_set_xattr(struct web_call *c)
{
    Pb__SetXAttrRequestProto rq = PB__SET_XATTR_REQUEST_PROTO__INIT;
    Pb__XAttrProto x;
    int rc;

    if ((rc = web_need(c, WEB_xattr_name)) < 0 || (rc = web_need(c, WEB_flag)) < 0 ||
        (rc = parse_name(c, web_text(c, WEB_xattr_name), &x)) < 0 || (rc = parse_value(c, &x)) < 0)
        return rc;
    rq.src = (char *)c->path;
    rq.xattr = &x;
    rq.has_flag = true;
    rq.flag = (uint32_t)web_number(c, WEB_flag);
    return web_ask(c, "setXAttr", &rq) ? 0 : -(int)c->err.code;
}

int web_remove_xattr(struct web_call *c)
{
    Pb__RemoveXAttrRequestProto rq = PB__REMOVE_XATTR_REQUEST_PROTO__INIT;
    Pb__XAttrProto x;
    int rc;

    if ((rc = web_need(c, WEB_xattr_name)) < 0 ||
        (rc = parse_name(c, web_text(c, WEB_xattr_name), &x)) < 0)
        return rc;
    rq.src = (char *)c->path;
    rq.xattr = &x;
    return web_ask(c, "removeXAttr", &rq) ? 0 : -(int)c->err.code;
}

static int wanted_names(struct web_call *c, Pb__GetXAttrsRequestProto *rq)
{
    int rc = 0;

    rq->xattrs = arena_alloc(&c->arena, ((size_t)c->params.name_count + 1) * sizeof *rq->xattrs);
    if (!rq->xattrs)
        return web_nomem(c);
    for (int i = 0; i < c->params.name_count && rc == 0; i++) {
        Pb__XAttrProto *x;

        if (!*c->params.names[i])
            continue;
        if (!(x = arena_alloc(&c->arena, sizeof *x)))
            return web_nomem(c);
        rc = parse_name(c, c->params.names[i], x);
        rq->xattrs[rq->n_xattrs++] = x;
    }
    return rc;
}

int web_get_xattrs(struct web_call *c)
{
    Pb__GetXAttrsRequestProto rq = PB__GET_XATTRS_REQUEST_PROTO__INIT;
    const Pb__GetXAttrsResponseProto *rs;
    json_t *list;
    int rc;

    if ((rc = web_need(c, WEB_encoding)) < 0 || (rc = wanted_names(c, &rq)) < 0)
        return rc;
    rq.src = (char *)c->path;
    if (!(rs = web_ask(c, "getXAttrs", &rq)))
        return -(int)c->err.code;
    list = json_array();
    for (size_t i = 0; i < rs->n_xattrs; i++)
        json_array_append_new(list, json_pack("{s:s, s:o}", "name", full_name(c, rs->xattrs[i]),
                                              "value", value_json(c, rs->xattrs[i])));
    return web_answer(c, json_pack("{s:o}", "XAttrs", list));
}

/* The answer is JSON inside a string of JSON. */
int web_list_xattrs(struct web_call *c)
{
    Pb__ListXAttrsRequestProto rq = PB__LIST_XATTRS_REQUEST_PROTO__INIT;
    const Pb__ListXAttrsResponseProto *rs;
    json_t *list, *json;
    char *text;

    rq.src = (char *)c->path;
    if (!(rs = web_ask(c, "listXAttrs", &rq)))
        return -(int)c->err.code;
    list = json_array();
    for (size_t i = 0; i < rs->n_xattrs; i++)
        json_array_append_new(list, json_string(full_name(c, rs->xattrs[i])));
    text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    json = text ? json_pack("{s:s}", "XAttrNames", text) : NULL;
    free(text);
    return web_answer(c, json);
}
