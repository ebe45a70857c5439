/* The sort, its spills and their merge, against qsort and memcmp; damage; disks that fail. */
#include "compute/kv_lines.h"
#include "compute/merge.h"
#include "compute/partition.h"
#include "compute/sorter.h"
#include "tests/lib/fault_env.h"
#include "tests/lib/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- keys like Hadoop's ---- */

static size_t unhex(const char *hex, uint8_t *out)
{
    size_t n = 0;

    for (unsigned v; strcmp(hex, "-") != 0 && sscanf(hex + 2 * n, "%2x", &v) == 1; n++)
        out[n] = (uint8_t)v;
    return n;
}

static void test_keys_go_to_the_parts_that_hadoop_gives_them(void)
{
    FILE *f = fopen("tests/golden/jobs/partitions.tsv", "r");
    char line[512], hex[300];
    int hash, of7, of1000, rows = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    while (fgets(line, sizeof line, f)) {
        uint8_t key[160];
        size_t n;

        if (sscanf(line, "%299s %d %d %d", hex, &hash, &of7, &of1000) != 4)
            continue;
        n = unhex(hex, key);
        CU_ASSERT((int32_t)key_hash(key, n) == hash);
        CU_ASSERT((int)key_partition(key_hash(key, n), 7) == of7);
        CU_ASSERT((int)key_partition(key_hash(key, n), 1000) == of1000);
        rows++;
    }
    fclose(f);
    CU_ASSERT(rows >= 29);
}

/* ---- sorting ---- */

enum { RECORDS = 6000, PARTS = 3 };

struct pair {
    uint8_t key[40];
    char value[24];
    size_t key_n;
    uint32_t part, order;
};

static int by_key(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int c = (int)x->part - (int)y->part;

    if (!c)
        c = key_compare(x->key, x->key_n, y->key, y->key_n);
    return c ? c : (x->order > y->order) - (x->order < y->order);
}

/* Short, long, equal, prefixes of each other, with zeros in them: whatever confuses a prefix. */
static void make_pair(struct pair *p, uint32_t i, unsigned *seed)
{
    static const char *const stems[] = {"",       "a",      "ab", "common prefix that is long ",
                                        "\0\0\0", "abcdefg"};
    static const size_t stem_n[] = {0, 1, 2, 26, 3, 7};
    int s = rand_r(seed) % 6;

    memset(p, 0, sizeof *p);
    memcpy(p->key, stems[s], stem_n[s]);
    p->key_n = stem_n[s];
    for (int k = rand_r(seed) % 5; k > 0; k--)
        p->key[p->key_n++] = (uint8_t)(rand_r(seed) % 3 ? rand_r(seed) % 4 : rand_r(seed));
    p->part = (uint32_t)rand_r(seed) % PARTS;
    p->order = i;
    if (i % 3)
        snprintf(p->value, sizeof p->value, "%d", rand_r(seed) % 2);
    else
        snprintf(p->value, sizeof p->value, "value %u", i);
}

static struct pair *make_pairs(uint32_t n)
{
    struct pair *list = malloc(n * sizeof *list);
    unsigned seed = 11;

    for (uint32_t i = 0; i < n; i++)
        make_pair(&list[i], i, &seed);
    return list;
}

static int sort_pairs(struct env *env, const struct pair *list, uint32_t n, size_t memory,
                      int factor, const char *dir, const char *path)
{
    struct sorter_options o = {.env = env,
                               .dir = dir,
                               .partitions = PARTS,
                               .memory_bytes = memory,
                               .merge_factor = factor};
    struct sorter *s;
    int rc = sorter_new(&o, &s, NULL);

    for (uint32_t i = 0; rc == 0 && i < n; i++)
        rc = sorter_add(s, list[i].part, list[i].key, list[i].key_n, (const uint8_t *)list[i].value,
                        strlen(list[i].value), NULL);
    if (rc == 0)
        rc = sorter_finish(s, path, NULL);
    sorter_free(s);
    return rc;
}

/* Whether the run holds these pairs, in this order; gives how many it took. */
static uint32_t check_run(const char *path, const struct spill_run *run, const struct pair *want,
                          uint32_t n)
{
    struct spill_reader r;
    struct record rec;
    uint32_t i = 0;

    CU_ASSERT_FATAL(spill_reader_open(&r, env_posix(), path, run, NULL) == 0);
    while (r.stream.next(&r.stream, &rec, NULL) > 0)
        for (uint32_t k = 0; k < rec.count && i < n; k++, i++) {
            CU_ASSERT(rec.key_n == want[i].key_n && memcmp(rec.key, want[i].key, rec.key_n) == 0);
            CU_ASSERT(rec.value_n == strlen(want[i].value) &&
                      memcmp(rec.value, want[i].value, rec.value_n) == 0);
        }
    spill_reader_done(&r);
    return i;
}

static void check_file(const char *path, struct pair *list, uint32_t n)
{
    struct spill_run *runs;
    uint32_t count, at = 0;

    qsort(list, n, sizeof *list, by_key);
    CU_ASSERT_FATAL(spill_read_index(env_posix(), path, &runs, &count, NULL) == 0);
    CU_ASSERT(count == PARTS);
    for (uint32_t p = 0; p < PARTS; p++) {
        uint32_t size = 0;

        while (at + size < n && list[at + size].part == p)
            size++;
        CU_ASSERT(check_run(path, &runs[p], list + at, size) == size);
        at += size;
    }
    CU_ASSERT(at == n);
    free(runs);
}

static void test_records_come_out_by_partition_and_key_and_equal_keys_in_their_order(void)
{
    static const struct {
        size_t memory;
        int factor;
    } ways[] = {{16 << 20, 10}, {64 << 10, 64}, {32 << 10, 2}, {8 << 10, 3}};
    char path[300];

    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        struct pair *list = make_pairs(RECORDS);
        const char *dir = suite_tmp_dir();

        snprintf(path, sizeof path, "%s/output", dir);
        CU_ASSERT_FATAL(
            sort_pairs(env_posix(), list, RECORDS, ways[w].memory, ways[w].factor, dir, path) == 0);
        check_file(path, list, RECORDS);
        free(list);
    }
}

static void test_no_records_make_a_file_of_empty_runs(void)
{
    char path[300];
    struct spill_run *runs;
    uint32_t count;

    snprintf(path, sizeof path, "%s/output", suite_tmp_dir());
    CU_ASSERT_FATAL(sort_pairs(env_posix(), NULL, 0, 1 << 20, 10, "/nowhere", path) == 0);
    CU_ASSERT_FATAL(spill_read_index(env_posix(), path, &runs, &count, NULL) == 0);
    for (uint32_t p = 0; p < count; p++)
        CU_ASSERT(runs[p].bytes == 0 && runs[p].records == 0);
    free(runs);
}

static void test_a_record_larger_than_the_buffer_passes(void)
{
    size_t n = 3 << 20;
    uint8_t *big = malloc(n);
    const char *dir = suite_tmp_dir();
    struct sorter_options o = {.env = env_posix(),
                               .dir = dir,
                               .partitions = 1,
                               .memory_bytes = 64 << 10,
                               .merge_factor = 4};
    struct sorter *s;
    struct spill_run *runs;
    struct spill_reader r;
    struct record rec;
    uint32_t count;
    char path[300];

    memset(big, 'b', n);
    snprintf(path, sizeof path, "%s/output", dir);
    CU_ASSERT_FATAL(sorter_new(&o, &s, NULL) == 0);
    CU_ASSERT(sorter_add(s, 0, (const uint8_t *)"c", 1, big, n, NULL) == 0);
    CU_ASSERT(sorter_add(s, 0, big, n, (const uint8_t *)"", 0, NULL) == 0);
    CU_ASSERT(sorter_add(s, 0, (const uint8_t *)"a", 1, (const uint8_t *)"1", 1, NULL) == 0);
    CU_ASSERT(sorter_finish(s, path, NULL) == 0);
    sorter_free(s);
    CU_ASSERT_FATAL(spill_read_index(env_posix(), path, &runs, &count, NULL) == 0);
    CU_ASSERT_FATAL(spill_reader_open(&r, env_posix(), path, runs, NULL) == 0);
    CU_ASSERT(r.stream.next(&r.stream, &rec, NULL) == 1 && rec.key_n == 1 && *rec.key == 'a');
    CU_ASSERT(r.stream.next(&r.stream, &rec, NULL) == 1 && rec.key_n == n);
    CU_ASSERT(r.stream.next(&r.stream, &rec, NULL) == 1 && *rec.key == 'c' && rec.value_n == n);
    CU_ASSERT(r.stream.next(&r.stream, &rec, NULL) == 0);
    spill_reader_done(&r);
    free(runs);
    free(big);
}

static void test_the_same_record_many_times_takes_the_place_of_one(void)
{
    const char *dir = suite_tmp_dir();
    struct sorter_options o = {.env = env_posix(),
                               .dir = dir,
                               .partitions = 1,
                               .memory_bytes = 1 << 20,
                               .merge_factor = 4};
    struct sorter *s;
    struct env_stat st;
    char path[300];

    snprintf(path, sizeof path, "%s/output", dir);
    CU_ASSERT_FATAL(sorter_new(&o, &s, NULL) == 0);
    for (int i = 0; i < 1000000; i++)
        CU_ASSERT_FATAL(
            sorter_add(s, 0, (const uint8_t *)"the", 3, (const uint8_t *)"1", 1, NULL) == 0);
    CU_ASSERT(sorter_finish(s, path, NULL) == 0);
    CU_ASSERT(sorter_spilled_records(s) == 1000000);
    sorter_free(s);
    CU_ASSERT(env_stat(env_posix(), path, &st, NULL) == 0 && st.size_bytes < 4096);
}

/* ---- damage ---- */

static int read_all(const char *path)
{
    struct spill_run *runs;
    uint32_t count;
    int rc = spill_read_index(env_posix(), path, &runs, &count, NULL);

    if (rc < 0)
        return rc;
    for (uint32_t p = 0; rc == 0 && p < count; p++) {
        struct spill_reader r;
        struct record rec;

        rc = spill_reader_open(&r, env_posix(), path, &runs[p], NULL);
        while (rc == 0 && (rc = r.stream.next(&r.stream, &rec, NULL)) > 0)
            rc = 0;
        spill_reader_done(&r);
    }
    free(runs);
    return rc;
}

static void test_any_flipped_bit_of_a_spill_is_found(void)
{
    struct pair *list = make_pairs(60);
    const char *dir = suite_tmp_dir();
    char path[300], bad[300], *bytes;
    size_t n, silent = 0;

    snprintf(path, sizeof path, "%s/output", dir);
    snprintf(bad, sizeof bad, "%s/bad", dir);
    CU_ASSERT_FATAL(sort_pairs(env_posix(), list, 60, 1 << 20, 10, dir, path) == 0);
    CU_ASSERT_FATAL(read_all(path) == 0);
    CU_ASSERT_FATAL(env_read_file(env_posix(), path, 1 << 20, &bytes, &n, NULL) == 0);
    for (size_t i = 8; i < n; i++) { /* the first eight bytes say what file it is */
        FILE *f = fopen(bad, "w");

        bytes[i] ^= (char)(1 << (i % 8));
        fwrite(bytes, 1, n, f);
        fclose(f);
        bytes[i] ^= (char)(1 << (i % 8));
        silent += read_all(bad) == 0;
    }
    CU_ASSERT(silent == 0);
    free(bytes);
    free(list);
}

static void test_a_spill_that_was_cut_is_found_at_any_length(void)
{
    struct pair *list = make_pairs(60);
    const char *dir = suite_tmp_dir();
    char path[300];
    struct env_stat st;

    snprintf(path, sizeof path, "%s/output", dir);
    CU_ASSERT_FATAL(sort_pairs(env_posix(), list, 60, 1 << 20, 10, dir, path) == 0);
    CU_ASSERT_FATAL(env_stat(env_posix(), path, &st, NULL) == 0);
    for (uint64_t n = st.size_bytes; n-- > 0;) {
        CU_ASSERT_FATAL(truncate(path, (off_t)n) == 0);
        CU_ASSERT(read_all(path) == -ERR_CORRUPT);
    }
    free(list);
}

static void test_any_single_fault_is_an_error_or_leaves_a_whole_file(void)
{
    bool fired = true;

    for (int nth = 0; fired; nth++) {
        struct pair *list = make_pairs(900);
        struct fault_env w;
        const char *dir = suite_tmp_dir();
        char path[300];
        int rc;

        fault_env_init(&w, nth);
        snprintf(path, sizeof path, "%s/output", dir);
        rc = sort_pairs(&w.env, list, 900, 8 << 10, 3, dir, path);
        fired = w.fired;
        CU_ASSERT(fired || rc == 0);
        if (rc == 0)
            check_file(path, list, 900);
        free(list);
        CU_ASSERT_FATAL(nth < 5000);
    }
}

/* ---- what programs print ---- */

struct seen {
    char text[400];
};

static int see(void *ctx, const struct kv_line *l, struct err *err)
{
    struct seen *s = ctx;
    size_t n = strlen(s->text);

    (void)err;
    CU_ASSERT(l->hash == key_hash(l->key, l->key_n));
    snprintf(s->text + n, sizeof s->text - n, "<%.*s|%.*s>", (int)l->key_n, (const char *)l->key,
             (int)l->value_n, (const char *)l->value);
    return 0;
}

static void print_to(const char *text, size_t piece, struct seen *s)
{
    struct kv_lines k;
    uint8_t *at;
    size_t room, n = strlen(text);

    s->text[0] = 0;
    CU_ASSERT_FATAL(kv_lines_init(&k, see, s, NULL) == 0);
    for (size_t i = 0; i < n; i += piece) {
        size_t m = n - i < piece ? n - i : piece;

        CU_ASSERT_FATAL(kv_lines_room(&k, &at, &room, NULL) == 0 && room >= m);
        memcpy(at, text + i, m);
        CU_ASSERT(kv_lines_took(&k, m, NULL) == 0);
    }
    CU_ASSERT(kv_lines_end(&k, NULL) == 0);
    kv_lines_done(&k);
}

static void test_a_printed_line_is_cut_at_its_first_tab_in_whatever_pieces_it_comes(void)
{
    struct seen s;

    for (size_t piece = 1; piece < 60; piece++) {
        print_to("a\tb\tc\nplain\n\tno key\r\nmac\rend\t\n\nlast\tx", piece, &s);
        CU_ASSERT_STRING_EQUAL(s.text, "<a|b\tc><plain|><|no key><mac|><end|><|><last|x>");
    }
}

SUITE(sort, TEST(test_keys_go_to_the_parts_that_hadoop_gives_them),
      TEST(test_records_come_out_by_partition_and_key_and_equal_keys_in_their_order),
      TEST(test_no_records_make_a_file_of_empty_runs),
      TEST(test_a_record_larger_than_the_buffer_passes),
      TEST(test_the_same_record_many_times_takes_the_place_of_one),
      TEST(test_any_flipped_bit_of_a_spill_is_found),
      TEST(test_a_spill_that_was_cut_is_found_at_any_length),
      TEST(test_any_single_fault_is_an_error_or_leaves_a_whole_file),
      TEST(test_a_printed_line_is_cut_at_its_first_tab_in_whatever_pieces_it_comes))
