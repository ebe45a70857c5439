/* fsck.c -- dfs fsck: what Hadoop's DFSck does.
 *
 * The namenode does the work, at its web server (docs/formats/fsck.md); the options become parameters, and
 * what it answers is printed as it comes.  How it all ended is read off the last line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/shell/shell.h"
#include "client/shell/tool.h"
#include "common/net.h"
#include "proto/http_client.h"
#include "proto/web_params.h"

enum { FAILED = 255, URL_MAX = 64 << 10, LINE_MAX_BYTES = 1 << 20 };

static const char usage[] =
    "Usage: hdfs fsck <path> [-list-corruptfileblocks | [-move | -delete | -openforwrite] [-files "
    "[-blocks [-locations | -racks | -replicaDetails | -upgradedomains]]]] [-includeSnapshots] "
    "[-showprogress] [-storagepolicies] [-maintenance] [-blockId <blk_Id>] [-replicate]\n"
    "\t<path>\tstart checking from this path\n"
    "\t-move\tmove corrupted files to /lost+found\n"
    "\t-delete\tdelete corrupted files\n"
    "\t-files\tprint out files being checked\n"
    "\t-openforwrite\tprint out files opened for write\n"
    "\t-includeSnapshots\tinclude snapshot data if the given path indicates a snapshottable "
    "directory or there are snapshottable directories under it\n"
    "\t-list-corruptfileblocks\tprint out list of missing blocks and files they belong to\n"
    "\t-files -blocks\tprint out block report\n"
    "\t-files -blocks -locations\tprint out locations for every block\n"
    "\t-files -blocks -racks\tprint out network topology for data-node locations\n"
    "\t-files -blocks -replicaDetails\tprint out each replica details \n"
    "\t-files -blocks -upgradedomains\tprint out upgrade domains for every block\n"
    "\t-storagepolicies\tprint out storage policy summary for the blocks\n"
    "\t-maintenance\tprint out maintenance state node details\n"
    "\t-showprogress\tDeprecated. Progress is now shown by default\n"
    "\t-blockId\tprint out which file this blockId belongs to, locations (nodes, racks) of this "
    "block, and other diagnostics info (under replicated, corrupted or not, etc)\n"
    "\t-replicate initiate replication work to make mis-replicated\n"
    " blocks satisfy block placement policy\n"
    "\nPlease Note:\n\n"
    "\t1. By default fsck ignores files opened for write, use -openforwrite to report such files. "
    "They are usually  tagged CORRUPT or HEALTHY depending on their block allocation status\n"
    "\t2. Option -includeSnapshots should not be used for comparing stats, should be used only for "
    "HEALTH check, as this may contain duplicates if the same file present in both original fs "
    "tree and inside snapshots.\n";

static const struct {
    const char *option, *parameter;
} options[] = {
    {"-move", "&move=1"},
    {"-delete", "&delete=1"},
    {"-files", "&files=1"},
    {"-openforwrite", "&openforwrite=1"},
    {"-blocks", "&blocks=1"},
    {"-locations", "&locations=1"},
    {"-racks", "&racks=1"},
    {"-replicaDetails", "&replicadetails=1"},
    {"-upgradedomains", "&upgradedomains=1"},
    {"-storagepolicies", "&storagepolicies=1"},
    {"-showprogress", "&showprogress=1"},
    {"-list-corruptfileblocks", "&listcorruptfileblocks=1"},
    {"-includeSnapshots", "&includeSnapshots=1"},
    {"-maintenance", "&maintenance=1"},
    {"-replicate", "&replicate=1"},
};

/* The exit code by how the last line ends, first match. */
static const struct {
    const char *words;
    bool anywhere;
    int code;
} endings[] = {
    {"is HEALTHY", false, 0},
    {"is CORRUPT", false, 1},
    {"does not exist", false, 0},
    {"Incorrect blockId format:", true, 0},
    {"is EXCESS", false, 0},
    {"is DECOMMISSIONED", false, 2},
    {"is DECOMMISSIONING", false, 3},
    {"is IN MAINTENANCE", false, 4},
    {"is ENTERING MAINTENANCE", false, 5},
    {"is STALE", false, 6},
};

struct fsck {
    struct conf *conf;
    struct tool tool;
    struct buf query; /* "/fsck?ugi=..." and what the options ask */
    const char *path; /* as given; NULL: the root */
    bool lists;
    struct buf line; /* that has begun to arrive */
    char last[4096]; /* the last whole one, or how it ends */
    /* -list-corruptfileblocks */
    int found, cookie;
    bool all_listed, denied;
};

static int misused(void)
{
    fprintf(stderr, "%s\n%s", usage, shell_generic_options);
    return FAILED;
}

static bool ends_with(const char *line, const char *words)
{
    size_t n = strlen(line), k = strlen(words);

    return n >= k && strcmp(line + n - k, words) == 0;
}

/* ---- the command line ---- */

/* -blockId takes the words up to the next option, which Hadoop's parser passes over. */
static int take_block_ids(struct fsck *f, char **args, int count, int at)
{
    struct buf ids;

    buf_init(&ids, URL_MAX);
    for (at++; at < count && args[at][0] != '-'; at++) {
        buf_puts(&ids, args[at]);
        buf_puts(&ids, " ");
    }
    buf_puts(&f->query, "&blockId=");
    web_put_form(&f->query, ids.n ? buf_cstr(&ids) : "");
    buf_done(&ids);
    return at;
}

static const char *parameter_of(const char *option)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(option, options[i].option) == 0)
            return options[i].parameter;
    return NULL;
}

static int take_words(struct fsck *f, char **args, int count)
{
    for (int i = 0; i < count; i++) {
        const char *parameter = parameter_of(args[i]);

        if (parameter) {
            buf_puts(&f->query, parameter);
            f->lists = f->lists || strcmp(args[i], "-list-corruptfileblocks") == 0;
        } else if (strcmp(args[i], "-blockId") == 0) {
            i = take_block_ids(f, args, count, i);
        } else if (args[i][0] == '-') {
            fprintf(stderr, "fsck: Illegal option '%s'\n", args[i]);
            return misused();
        } else if (f->path) {
            fprintf(stderr, "fsck: can only operate on one path at a time '%s'\n", args[i]);
            return misused();
        } else {
            f->path = args[i];
        }
    }
    return 0;
}

/* ---- what is to be asked ---- */

/* Something is at the path.  Hadoop's tool ends with 0 when not. */
static int find_path(struct fsck *f, char **out)
{
    const char *given = f->path ? f->path : "/";
    struct dfs_stat st;
    struct err err;

    *out = "";
    if (strstr(given, "://") || strncmp(given, "file:", 5) == 0) {
        size_t n = strcspn(given, ":");

        if (strncmp(given, "hdfs:", 5) != 0) {
            fprintf(stderr, "FileSystem is %.*s:///\nDFSck exiting.\n", (int)n, given);
            return -1;
        }
    }
    if (fs_path(f->tool.fs, given, &f->tool.arena, out, &err) == 0 &&
        dfs_stat(f->tool.fs, *out, &st, &err) == 0) {
        dfs_stat_done(&st);
        return 0;
    }
    fprintf(stderr, "FileSystem is inaccessible due to:\n%s: ", err_java_class(&err));
    if (err.code == ERR_NOENT && given[0] != '/') /* Hadoop's client names what it made of it */
        fprintf(stderr, "File does not exist: %s%s", dfs_uri(f->tool.fs), *out);
    else
        fprintf(stderr, "%.*s", (int)strcspn(err.text, "\n"), err.text);
    fprintf(stderr, "\nDFSck exiting.\n");
    return -1;
}

/* ---- the answer, line by line ---- */

static void line_of_report(struct fsck *f, const char *line)
{
    puts(line);
    snprintf(f->last, sizeof f->last, "%s",
             strlen(line) < sizeof f->last ? line : line + strlen(line) - sizeof f->last + 1);
}

static void line_of_list(struct fsck *f, const char *line)
{
    static const char *const passed_over[] = {"FSCK started by", "FSCK ended at",
                                              "The filesystem under path"};

    if (f->all_listed || f->denied)
        return;
    if (strncmp(line, "Cookie:", 7) == 0) {
        const char *tab = strchr(line, '\t');

        f->cookie = tab ? atoi(tab + 1) : 0;
        f->all_listed = !tab;
        return;
    }
    if (ends_with(line, "has no CORRUPT files") || ends_with(line, "has no more CORRUPT files") ||
        ends_with(line, "does not exist")) {
        f->all_listed = true;
        return;
    }
    if (strncmp(line, "Access denied for user", 22) == 0) {
        f->denied = true;
        return;
    }
    for (size_t i = 0; i < 3; i++)
        if (!*line || strncmp(line, passed_over[i], strlen(passed_over[i])) == 0)
            return;
    if (f->found++ == 0)
        printf("The list of corrupt blocks under path '%s' are:\n", f->path ? f->path : "/");
    puts(line);
}

static void end_line(struct fsck *f)
{
    const char *line = buf_cstr(&f->line);

    if (f->lists)
        line_of_list(f, line ? line : "");
    else
        line_of_report(f, line ? line : "");
    buf_clear(&f->line);
}

static int take_bytes(void *ctx, const void *bytes, size_t n, struct err *err)
{
    struct fsck *f = ctx;
    const char *p = bytes;

    while (n > 0) {
        const char *end = memchr(p, '\n', n);
        size_t k = end ? (size_t)(end - p) : n;

        buf_put(&f->line, p, k);
        if (f->line.bad)
            return err_set(err, ERR_PROTOCOL, "a line of more than %d bytes", LINE_MAX_BYTES);
        if (end)
            end_line(f);
        p += k + (end != NULL);
        n -= k + (end != NULL);
    }
    return 0;
}

static int ask(struct fsck *f, const char *url)
{
    const struct http_ask a = {.url = url,
                               .connect_ms = (int)conf_int(f->conf, OPT_fsck_connect_timeout),
                               .silence_ms = (int)conf_int(f->conf, OPT_fsck_read_timeout),
                               .take = take_bytes,
                               .ctx = f};
    struct err err;

    if (http_ask(&a, &err) < 0) {
        fflush(stdout);
        fprintf(stderr, "fsck: %s\n", err.text);
        return -1;
    }
    if (f->line.n > 0)
        end_line(f);
    return 0;
}

/* ---- the two kinds of asking ---- */

static int report(struct fsck *f, const char *url)
{
    if (ask(f, url) < 0)
        return FAILED;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (endings[i].anywhere ? strstr(f->last, endings[i].words) != NULL
                                : ends_with(f->last, endings[i].words))
            return endings[i].code;
    return FAILED;
}

/* The namenode lists a hundred at a time; the cookie says where it goes on. */
static int list(struct fsck *f, const char *url)
{
    const char *dir = f->path ? f->path : "/";

    while (!f->all_listed) {
        int before = f->found;
        char *next = f->cookie > 0
                         ? arena_printf(&f->tool.arena, "%s&startblockafter=%d", url, f->cookie)
                         : (char *)url;

        if (!next || ask(f, next) < 0)
            return FAILED;
        if (f->denied) {
            printf("Failed to open path '%s': Permission denied\n", dir);
            return FAILED;
        }
        f->all_listed = f->all_listed || f->found == before;
    }
    printf("The filesystem under path '%s' has %d CORRUPT blocks\n", dir, f->found);
    return f->found == 0 ? 0 : FAILED;
}

static int check(struct fsck *f)
{
    char server[NET_HOST_MAX + 32], *path, *url;
    struct buf form;
    struct err err;
    int rc;

    if (find_path(f, &path) < 0)
        return 0;
    if (fs_web_address(f->tool.fs, server, sizeof server, &err) < 0) {
        fprintf(stderr, "fsck: %s\n", err.text);
        return FAILED;
    }
    buf_init(&form, URL_MAX);
    web_put_form(&form, path);
    url = arena_printf(&f->tool.arena, "%s/fsck?ugi=%s%s&path=%s", server, dfs_user(f->tool.fs),
                       f->query.n ? buf_cstr(&f->query) : "", form.bad ? "" : buf_cstr(&form));
    buf_done(&form);
    if (!url || f->query.bad) {
        fprintf(stderr, "fsck: the command line is too long\n");
        return FAILED;
    }
    fprintf(stderr, "Connecting to namenode via %s\n", url);
    rc = f->lists ? list(f, url) : report(f, url);
    return rc;
}

static bool wants_help(int argc, char **argv)
{
    return argc == 1 && (strcmp(argv[0], "-h") == 0 || strcmp(argv[0], "-help") == 0 ||
                         strcmp(argv[0], "--help") == 0);
}

int fsck_main(struct conf *conf, int argc, char **argv)
{
    struct fsck f = {.conf = conf};
    struct err err;
    int rc;

    if (wants_help(argc, argv)) {
        printf("%s\n%s", usage, shell_generic_options);
        return 0;
    }
    if (argc == 0 || strcmp(argv[0], "-files") == 0) /* which Hadoop's generic options have too */
        return misused();
    buf_init(&f.query, URL_MAX);
    buf_init(&f.line, LINE_MAX_BYTES);
    if ((rc = take_words(&f, argv, argc)) == 0) {
        if (tool_begin(conf, "fsck", &f.tool, &err) < 0) {
            fprintf(stderr, "FileSystem is inaccessible due to:\n%s\nDFSck exiting.\n", err.text);
        } else {
            rc = check(&f);
            tool_end(&f.tool);
        }
    }
    buf_done(&f.query);
    buf_done(&f.line);
    return rc;
}
