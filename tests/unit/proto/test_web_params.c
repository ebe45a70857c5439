#include <string.h>

#include "common/bytes.h"
#include "proto/web_error.h"
#include "proto/web_params.h"
#include "tests/lib/suite.h"

static struct conf *conf;
static struct arena arena;
static struct web_params params;
static struct err err;

static void begin(const char *query)
{
    const struct conf_args none = {0};

    CU_ASSERT_FATAL(conf_load(&none, &conf, NULL) == 0);
    arena_init(&arena, 1 << 20);
    err_clear(&err);
    CU_ASSERT(web_params_read(query, true, conf, &arena, &params, &err) == 0);
}

static void end(void)
{
    arena_done(&arena);
    conf_free(conf);
}

/* What is wrong with @query, in the namenode's words. */
static const char *complaint(const char *query, enum web_verb verb)
{
    static char text[ERR_TEXT_MAX];

    begin(query);
    text[0] = 0;
    if (web_params_check(&params, verb, &err) < 0)
        strcpy(text, err.text);
    end();
    return text;
}

static void test_a_query_is_taken_apart(void)
{
    begin("OP=OPEN&user.name=a%20b&offset=%2B7&x=1&&=2&user.name=c&xattr.name=user.a&xattr.name="
          "user.b");
    CU_ASSERT_STRING_EQUAL(params.text[WEB_op], "OPEN");
    CU_ASSERT_STRING_EQUAL(params.text[WEB_user], "a b");
    CU_ASSERT(web_params_check(&params, WEB_GET, &err) == 0 && params.number[WEB_offset] == 7);
    CU_ASSERT(params.name_count == 2 && strcmp(params.names[1], "user.b") == 0);
    CU_ASSERT(params.number[WEB_length] == INT64_MAX && !params.has[WEB_length]);
    end();
}

static void test_what_is_wrong_is_said_as_hadoop_says_it(void)
{
    CU_ASSERT_STRING_EQUAL(
        complaint("offset=x", WEB_GET),
        "Invalid value for webhdfs parameter \"offset\": Failed to parse \"x\" as "
        "a radix-10 long integer.");
    CU_ASSERT_STRING_EQUAL(complaint("permission=2755", WEB_PUT),
                           "Invalid value for webhdfs parameter \"permission\": Invalid parameter "
                           "range: permission = 2755 > 1777");
    CU_ASSERT_STRING_EQUAL(complaint("overwrite=maybe", WEB_PUT),
                           "Invalid value for webhdfs parameter \"overwrite\": Failed to parse "
                           "\"maybe\" to Boolean.");
    CU_ASSERT_STRING_EQUAL(complaint("flag=CREATE,", WEB_PUT),
                           "Invalid value for webhdfs parameter \"flag\": No enum constant "
                           "org.apache.hadoop.fs.XAttrSetFlag.");
    CU_ASSERT_STRING_EQUAL(complaint("destination=x", WEB_PUT),
                           "Invalid value for webhdfs parameter \"destination\": Invalid parameter "
                           "value: destination = \"x\" is not an absolute path.");
    CU_ASSERT_STRING_EQUAL(complaint("blocksize=x", WEB_GET), ""); /* is not GET's */
    CU_ASSERT_STRING_EQUAL(complaint("aclspec=user:bob:rw-,default:group::r-x", WEB_PUT), "");
}

static void test_escapes_that_are_none_are_refused(void)
{
    static const char *const bad[] = {"a=%",   "a=%4",  "a=%zz",   "a=%00",
                                      "%00=1", "a=%ff", "a=%c0%80"};

    begin("");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT(web_params_read(bad[i], true, conf, &arena, &params, &err) == -ERR_ARGUMENT);
    end();
}

static void test_a_path_of_any_bytes_becomes_utf8(void)
{
    begin("");
    CU_ASSERT_STRING_EQUAL(web_decode(&arena, "/a%FFb+%E3%81%82", 16, false, false, &err),
                           "/a\xef\xbf\xbd"
                           "b+\xe3\x81\x82");
    CU_ASSERT_STRING_EQUAL(web_decode(&arena, "%ED%A0%80", 9, false, false, &err),
                           "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* half of a surrogate pair */
    end();
}

static void test_a_path_is_escaped_as_a_java_uri(void)
{
    struct buf b;

    buf_init(&b, 1000);
    web_put_path(&b, "/a b#?&%+\xe3\x81\x82[");
    CU_ASSERT_STRING_EQUAL(buf_cstr(&b), "/a%20b%23%3F&%25+%E3%81%82%5B");
    buf_clear(&b);
    web_put_form(&b, "CREATE,a b$*");
    CU_ASSERT_STRING_EQUAL(buf_cstr(&b), "CREATE%2Ca+b%24*");
    buf_done(&b);
}

static void test_a_status_follows_the_java_class(void)
{
    err_set(&err, ERR_NOENT, "x");
    CU_ASSERT(web_error_status(&err) == 404);
    err_set(&err, ERR_ACCESS, "x");
    CU_ASSERT(web_error_status(&err) == 403);
    err_set(&err, ERR_INVALID_PATH, "x");
    CU_ASSERT(web_error_status(&err) == 400);
    err_set(&err, ERR_UNSUPPORTED, "x");
    CU_ASSERT(web_error_status(&err) == 400);
    err_set(&err, ERR_NULLPTR, "x");
    CU_ASSERT(web_error_status(&err) == 500);
    err_from_java(&err, "org.apache.hadoop.hdfs.protocol.NSQuotaExceededException", "x");
    CU_ASSERT(web_error_status(&err) == 403);
}

SUITE(web_params, TEST(test_a_query_is_taken_apart),
      TEST(test_what_is_wrong_is_said_as_hadoop_says_it),
      TEST(test_escapes_that_are_none_are_refused), TEST(test_a_path_of_any_bytes_becomes_utf8),
      TEST(test_a_path_is_escaped_as_a_java_uri), TEST(test_a_status_follows_the_java_class));
