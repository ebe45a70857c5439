/* What Streaming's settings and formats promise below the level of whole jobs. */
#include "compute/key_fields.h"
#include "compute/line_reader.h"
#include "compute/order.h"
#include "compute/pack.h"
#include "compute/sequence_file.h"
#include "compute/skip.h"
#include "compute/sorter.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- orders by fields ---- */

static int by_order(const struct key_fields *f, const char *a, const char *b)
{
    struct buf x, y;
    int c;

    buf_init(&x, 1 << 16);
    buf_init(&y, 1 << 16);
    key_fields_put_order(f, (const uint8_t *)a, strlen(a), &x);
    key_fields_put_order(f, (const uint8_t *)b, strlen(b), &y);
    c = key_compare(x.bytes, x.n, y.bytes, y.n);
    buf_done(&x);
    buf_done(&y);
    return c < 0 ? -1 : c > 0;
}

static void test_keys_sort_by_fields_as_the_options_say(void)
{
    static const struct {
        const char *options, *less, *more;
    } cases[] = {
        {"-n", "9", "10"},
        {"-n", "-10", "-9"},
        {"-n", "-1", "0"},
        {"-n", "1.05", "1.5"},
        {"-n", "-1.5", "-1.05"},
        {"-nr", "10", "9"},
        {"-k2", "z.a", "a.b"},
        {"-k2,2n", "x.9.z", "x.10.a"},
        {"-k2,2nr -k1", "b.10", "a.9"},
        {"-k2,2nr -k1", "a.9", "b.9"},
        {"-k1.2,1.2", "za.x", "ab.x"},
        {"-k3", "a.b", "a.b.c"}, /* without the field comes first */
        {"-k1,1r", "b.a", "a.z"},
        {"-k1,1", "a", "a!"},
    };
    static const char *const equal[][3] = {{"-n", "1.50", "1.5"},
                                           {"-n", "-0.0", "0"},
                                           {"-n", "007", "7"},
                                           {"-k2,2", "a.x.b", "c.x.d"}};
    struct key_fields f;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CU_ASSERT_FATAL(key_fields_parse(cases[i].options, ".", &f, NULL) == 0);
        /* Without a -k numbers are whole keys, dots and all. */
        CU_ASSERT(by_order(&f, cases[i].less, cases[i].more) < 0);
        CU_ASSERT(by_order(&f, cases[i].more, cases[i].less) > 0);
    }
    for (size_t i = 0; i < sizeof equal / sizeof *equal; i++) {
        CU_ASSERT_FATAL(key_fields_parse(equal[i][0], ".", &f, NULL) == 0);
        CU_ASSERT(by_order(&f, equal[i][1], equal[i][2]) == 0);
    }
}

static void test_options_that_make_no_sense_are_refused(void)
{
    static const char *const bad[] = {"-kx", "-k1,", "-k1.x", "-k0", "-k1q", "-k-1", "-k1.0"};
    struct key_fields f;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT(key_fields_parse(bad[i], "\t", &f, NULL) == -ERR_ARGUMENT);
}

/* ---- typed bytes ---- */

static const uint8_t typed[] = "\x0a\0\0\0\2" /* a map of two */
                               "\7\0\0\0\1z\4\0\0\0\0\0\0\0\7"
                               "\7\0\0\0\1a\x09\3\xff\xff\xff\xfe\2\1\xff";

static void test_typed_bytes_read_as_java_prints_them(void)
{
    const struct datum d = {.kind = DATUM_TYPED, .bytes = typed, .n = sizeof typed - 1};
    struct buf text;

    buf_init(&text, 1000);
    datum_put_text(&d, &text);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&text), "{a=[-2, true], z=7}");
    buf_done(&text);
}

static void test_typed_bytes_that_were_cut_have_no_length(void)
{
    bool bad = false;

    CU_ASSERT(typed_length(rd_of(typed, sizeof typed - 1), &bad) == sizeof typed - 1);
    for (size_t n = 0; n < sizeof typed - 1; n++)
        CU_ASSERT(typed_length(rd_of(typed, n), &bad) == 0);
    CU_ASSERT(!bad);
    typed_length(rd_of("\x30", 1), &bad);
    CU_ASSERT(bad);
}

/* ---- packing ---- */

static const enum codec packers[] = {CODEC_GZIP,   CODEC_ZLIB, CODEC_BZIP2,
                                     CODEC_SNAPPY, CODEC_LZ4,  CODEC_ZSTD};
enum { PACKERS = sizeof packers / sizeof *packers, LINES = 60000 };

/* Lines with their numbers, and noise that does not pack well. */
static size_t make_text(char **out)
{
    char *text = malloc((size_t)LINES * 120);
    unsigned seed = 7;
    size_t n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    for (int i = 0; i < LINES; i++) {
        n += (size_t)sprintf(text + n, "%d ", i);
        for (int k = rand_r(&seed) % 90; k > 0; k--)
            text[n++] = (char)('0' + rand_r(&seed) % 64);
        text[n++] = '\n';
    }
    *out = text;
    return n;
}

static void test_what_was_packed_comes_out_again(void)
{
    struct buf packed, plain;
    char *text;
    size_t n = make_text(&text);

    for (int i = 0; i < PACKERS; i++) {
        buf_init(&packed, 64 << 20);
        buf_init(&plain, 64 << 20);
        CU_ASSERT(pack_all(packers[i], text, n, &packed, NULL) == 0);
        CU_ASSERT(packed.n < n);
        CU_ASSERT(unpack_all(packers[i], packed.bytes, packed.n, &plain, NULL) == 0);
        CU_ASSERT(plain.n == n && memcmp(plain.bytes, text, n) == 0);
        buf_done(&packed);
        buf_done(&plain);
    }
    free(text);
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT(fwrite(bytes, 1, n, f) == n);
    CU_ASSERT(fclose(f) == 0);
}

/* How often each numbered line of a split comes. */
static void count_lines(struct store *store, const char *path, uint64_t start, uint64_t length,
                        uint8_t *seen)
{
    struct split_source *source;
    struct line_reader *r;
    const uint8_t *line;
    size_t n;
    uint64_t offset;
    int rc;

    CU_ASSERT_FATAL(source_open(store, path, start, length, &source, NULL) == 0);
    CU_ASSERT_FATAL(line_reader_new(source, NULL, &r, NULL) == 0);
    while ((rc = line_reader_next(r, &line, &n, &offset, NULL)) == 1) {
        int number = atoi((const char *)line);

        CU_ASSERT_FATAL(n > 1 && number >= 0 && number < LINES);
        seen[number]++;
    }
    CU_ASSERT(rc == 0);
    line_reader_free(r);
    source_close(source);
}

static struct store *open_store(void)
{
    static struct conf *conf; /* which stores borrow */
    struct store *store;

    CU_ASSERT_FATAL(conf || conf_load(NULL, &conf, NULL) == 0);
    CU_ASSERT_FATAL(store_new(conf, "file:///", "me", &store, NULL) == 0);
    return store;
}

static void test_bzip2_cut_anywhere_gives_every_line_once(void)
{
    struct store *store = open_store();
    uint8_t *seen = malloc(LINES);
    struct buf packed;
    char *text, path[300], uri[320];
    size_t n = make_text(&text);
    unsigned seed = 3;

    buf_init(&packed, 64 << 20);
    CU_ASSERT_FATAL(seen && pack_all(CODEC_BZIP2, text, n, &packed, NULL) == 0);
    snprintf(path, sizeof path, "%s/lines.bz2", suite_tmp_dir());
    snprintf(uri, sizeof uri, "file:%s", path);
    write_file(path, packed.bytes, packed.n);
    for (int round = 0; round < 4; round++) {
        uint64_t start = 0;

        memset(seen, 0, LINES);
        while (start < packed.n) {
            uint64_t size = 1000 + (uint64_t)rand_r(&seed) % (packed.n / 3);

            size = size > packed.n - start ? packed.n - start : size;
            count_lines(store, uri, start, size, seen);
            start += size;
        }
        for (int i = 0; i < LINES; i++)
            CU_ASSERT_FATAL(seen[i] == 1);
    }
    buf_done(&packed);
    free(text);
    free(seen);
    store_free(store);
}

/* ---- sequence files ---- */

static int into_buf(void *ctx, const void *bytes, size_t n, struct err *err)
{
    (void)err;
    buf_put(ctx, bytes, n);
    return 0;
}

enum { RECORDS = 4000 };

static void write_sequence(const struct sequence_kind *kind, struct buf *out)
{
    static const uint8_t sync[16] = "0123456789abcde";
    struct sequence_writer *w;

    CU_ASSERT_FATAL(sequence_writer_new(kind, sync, into_buf, out, &w, NULL) == 0);
    for (int64_t i = 0; i < RECORDS; i++) {
        uint8_t room[8];
        char text[200];
        struct datum key = datum_long(i, room);
        struct datum value = datum_text(text, (size_t)sprintf(text, "%0150d", (int)i));

        CU_ASSERT(sequence_add(w, &key, &value, NULL) == 0);
    }
    CU_ASSERT(sequence_end(w, NULL) == 0);
}

static void test_a_sequence_file_cut_anywhere_gives_every_record_once(void)
{
    static const struct sequence_kind kinds[] = {
        {.key = DATUM_LONG, .value = DATUM_TEXT},
        {.key = DATUM_LONG, .value = DATUM_TEXT, .codec = CODEC_GZIP},
        {.key = DATUM_LONG, .value = DATUM_TEXT, .codec = CODEC_SNAPPY, .blocks = true}};
    struct store *store = open_store();
    char path[300], uri[320];
    unsigned seed = 11;

    snprintf(path, sizeof path, "%s/records.seq", suite_tmp_dir());
    snprintf(uri, sizeof uri, "file:%s", path);
    for (int k = 0; k < 3; k++) {
        uint8_t seen[RECORDS] = {0};
        struct buf file;

        buf_init(&file, 64 << 20);
        write_sequence(&kinds[k], &file);
        write_file(path, file.bytes, file.n);
        for (uint64_t start = 0, size; start < file.n; start += size) {
            struct sequence_reader *r;
            struct datum key, value;
            int rc;

            size = 1 + (uint64_t)rand_r(&seed) % (file.n / 4 + 1);
            size = size > file.n - start ? file.n - start : size;
            CU_ASSERT_FATAL(sequence_open(store, uri, start, size, &r, NULL) == 0);
            while ((rc = sequence_next(r, &key, &value, NULL)) == 1) {
                CU_ASSERT_FATAL(key.n == 8 && get_be(key.bytes, 8) < RECORDS && value.n == 150);
                seen[get_be(key.bytes, 8)]++;
            }
            CU_ASSERT(rc == 0);
            sequence_close(r);
        }
        for (int i = 0; i < RECORDS; i++)
            CU_ASSERT_FATAL(seen[i] == 1);
        buf_done(&file);
    }
    store_free(store);
}

/* ---- packed spills ---- */

static int read_spill(const char *path, uint64_t *records)
{
    struct spill_run *runs;
    struct spill_reader r;
    struct record rec;
    uint32_t count;
    int rc = spill_read_index(env_posix(), path, &runs, &count, NULL);

    *records = 0;
    if (rc < 0)
        return rc;
    rc = spill_reader_open(&r, env_posix(), path, &runs[0], NULL);
    while (rc == 0 && (rc = r.stream.next(&r.stream, &rec, NULL)) == 1) {
        *records += rec.count;
        rc = 0;
    }
    spill_reader_done(&r);
    free(runs);
    return rc;
}

static void test_packed_map_output_is_smaller_and_a_flipped_bit_is_found(void)
{
    for (int i = 0; i < PACKERS; i++) {
        struct sorter_options o = {.env = env_posix(),
                                   .dir = suite_tmp_dir(),
                                   .partitions = 1,
                                   .memory_bytes = 1 << 20,
                                   .merge_factor = 4,
                                   .codec = packers[i]};
        char path[300], *bytes, key[40];
        struct sorter *s;
        uint64_t records;
        size_t n;

        snprintf(path, sizeof path, "%s/packed-%d", o.dir, i);
        CU_ASSERT_FATAL(sorter_new(&o, &s, NULL) == 0);
        for (int k = 0; k < 40000; k++) {
            size_t key_n = (size_t)sprintf(key, "key number %06d", k);

            CU_ASSERT(sorter_add(s, 0, (uint8_t *)key, key_n, (uint8_t *)"some value", 10, NULL) ==
                      0);
        }
        CU_ASSERT(sorter_finish(s, path, NULL) == 0);
        sorter_free(s);
        CU_ASSERT(read_spill(path, &records) == 0 && records == 40000);
        CU_ASSERT_FATAL(env_read_file(env_posix(), path, 64 << 20, &bytes, &n, NULL) == 0);
        CU_ASSERT(n < 250000);
        for (size_t at = 20; at < n; at += n / 7) {
            bytes[at] ^= 4;
            write_file(path, bytes, n);
            CU_ASSERT(read_spill(path, &records) == -ERR_CORRUPT);
            bytes[at] ^= 4;
        }
        free(bytes);
    }
}

/* ---- records that are left out ---- */

/* A mapper that dies of some records, after it was given up to @ahead more than it took. */
static bool run_mapper(const struct skip *s, const bool *bad, uint64_t count, uint64_t ahead,
                       uint64_t *fed)
{
    for (uint64_t i = 0; i < count && i < s->limit; i++)
        if (bad[i] && !skip_has(s, i)) {
            *fed = i + 1 + ahead;
            *fed = *fed > count ? count : *fed;
            *fed = *fed > s->limit ? s->limit : *fed;
            return false;
        }
    *fed = count < s->limit ? count : s->limit;
    return true;
}

static void test_bad_records_are_left_out_with_few_others(void)
{
    enum { COUNT = 1000 };
    unsigned seed = 17;

    for (int round = 0; round < 60; round++) {
        bool bad[COUNT] = {0}, well = false;
        uint64_t fed, max = 1 + (uint64_t)rand_r(&seed) % 20, lost = 0;
        struct skip s;
        int bads = rand_r(&seed) % 8;

        for (int i = 0; i < bads; i++)
            bad[rand_r(&seed) % COUNT] = true;
        skip_init(&s, max);
        do {
            well = run_mapper(&s, bad, COUNT, (uint64_t)rand_r(&seed) % 300, &fed);
        } while (skip_after(&s, well, fed, 0));
        CU_ASSERT(well && s.limit == UINT64_MAX);
        for (uint64_t i = 0; i < COUNT; i++)
            lost += skip_has(&s, i);
        CU_ASSERT(lost <= (uint64_t)bads * max);
    }
}

static void test_a_mapper_that_fails_without_any_record_fails(void)
{
    struct skip s;

    skip_init(&s, 5);
    CU_ASSERT(skip_after(&s, false, 100, 0) && s.limit == 0);
    CU_ASSERT(!skip_after(&s, false, 0, 0));
}

SUITE(streaming, TEST(test_bad_records_are_left_out_with_few_others),
      TEST(test_a_mapper_that_fails_without_any_record_fails),
      TEST(test_keys_sort_by_fields_as_the_options_say),
      TEST(test_options_that_make_no_sense_are_refused),
      TEST(test_typed_bytes_read_as_java_prints_them),
      TEST(test_typed_bytes_that_were_cut_have_no_length),
      TEST(test_what_was_packed_comes_out_again),
      TEST(test_bzip2_cut_anywhere_gives_every_line_once),
      TEST(test_a_sequence_file_cut_anywhere_gives_every_record_once),
      TEST(test_packed_map_output_is_smaller_and_a_flipped_bit_is_found))
