#include "proto/web_error.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/web_json.h"

/* The classes that are not IOExceptions. */
static const struct {
    const char *java_class;
    int status;
} statuses[] = {
    {"java.io.FileNotFoundException", 404},
    {"java.lang.IllegalArgumentException", 400},
    {"org.apache.hadoop.HadoopIllegalArgumentException", 400},
    {"org.apache.hadoop.fs.InvalidPathException", 400},
    {"java.lang.UnsupportedOperationException", 400},
    {"java.lang.SecurityException", 403},
};

int web_error_status(const struct err *err)
{
    const char *java_class = err_java_class(err);

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (strcmp(java_class, statuses[i].java_class) == 0)
            return statuses[i].status;
    return strncmp(java_class, "java.lang.", 10) == 0 ? 500 : 403;
}

void web_error_reply(struct http_request *req, const struct err *err, const char *type,
                     const char *headers)
{
    const char *java_class = err_java_class(err), *simple = java_class;
    json_t *json;

    for (const char *at = java_class; *at; at++)
        if (*at == '.' || *at == '$')
            simple = at + 1;
    json = json_pack("{s:{s:s, s:s, s:o}}", "RemoteException", "exception", simple, "javaClassName",
                     java_class, "message", web_json_text(err->text, strlen(err->text)));
    web_json_reply(req, web_error_status(err), type, headers, json);
}
