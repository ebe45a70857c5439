/* cacheadmin.c -- dfs cacheadmin: pools and directives of the centralized cache. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/shell/mode.h"
#include "client/shell/shell.h"
#include "client/shell/columns.h"
#include "client/shell/tool.h"

enum { MISUSED = 1, FAILED = 2, NO_NUMBER = 255 };
#define NEVER_MS (INT64_MAX / 4)

/* ---- saying what is wrong ---- */

static int say(const char *what)
{
    fprintf(stderr, "%s\n", what);
    return MISUSED;
}

/* The client makes an exception of its own of whatever the namenode threw. */
static int failed(struct tool *t, const struct err *err)
{
    const char *class = err_java_class(err), *dot = strrchr(class, '.');

    (void)t;
    fflush(stdout);
    fprintf(stderr, "%s: %.*s\n", dot ? dot + 1 : class, (int)strcspn(err->text, "\n"), err->text);
    return FAILED;
}

static int not_understood(char **args, int count)
{
    (void)count;
    fprintf(stderr, "Can't understand argument: %s\n", args[0]);
    return MISUSED;
}

static int pool_not_understood(struct tool *t, char **args, int count)
{
    fprintf(stderr, "Can't understand arguments:");
    for (int i = 0; i < count; i++)
        fprintf(stderr, " %s", args[i]);
    fprintf(stderr, "\nUsage is %s\n\n", t->command->usage);
    return MISUSED;
}

/* ---- taking arguments ---- */

/* Takes the first argument that is no option out; NULL: there is none. */
static const char *take_name(char **args, int *count)
{
    const char *name;

    if (*count == 0 || args[0][0] == '-')
        return NULL;
    name = args[0];
    memmove(args, args + 1, sizeof *args * (size_t)(*count - 1));
    --*count;
    return name;
}

static bool take_number(const char *text, int base, int64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoll(text, &end, base);
    if (*text && !*end && !errno)
        return true;
    fprintf(stderr, "NumberFormatException: For input string: \"%s\"%s\n", text,
            base == 8 ? " under radix 8" : "");
    return false;
}

/* "30m", "2d", "never". */
static bool take_time(const char *what, const char *text, int64_t *out)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    size_t n = strlen(text);
    char *end;

    if (strcmp(text, "never") == 0) {
        *out = NEVER_MS;
        return true;
    }
    fflush(stdout);
    if (n < 2) {
        fprintf(stderr,
                "Error while parsing %s value: Unable to parse relative time value of %s: "
                "too short\n",
                what, text);
        return false;
    }
    *out = strtoll(text, &end, 10);
    if (end != text + n - 1) {
        fprintf(stderr,
                "Error while parsing %s value: Unable to parse relative time value of %s: "
                "%.*s is not a number\n",
                what, text, (int)n - 1, text);
        return false;
    }
    for (int i = 0; i < 4; i++)
        if (units[i].unit == *end) {
            *out *= units[i].ms;
            return true;
        }
    fprintf(stderr,
            "Error while parsing %s value: Unable to parse relative time value of %s: "
            "unknown time unit %c\n",
            what, text, *end);
    return false;
}

/* ---- pools ---- */

/* The pool that -addPool and -modifyPool are told, and nothing else; 0, or the exit code of what is wrong. */
static int take_pool(struct tool *t, char **args, int *count, Pb__CachePoolInfoProto *info,
                     const char **ttl)
{
    const char *name = take_name(args, count), *mode, *limit, *copies;
    int64_t n;

    if (!name)
        return say("You must specify a name when creating a cache pool.");
    info->poolname = (char *)(uintptr_t)name;

    info->ownername = (char *)(uintptr_t)tool_option(args, count, "-owner");
    info->groupname = (char *)(uintptr_t)tool_option(args, count, "-group");
    if ((mode = tool_option(args, count, "-mode")) != NULL) {
        if (!take_number(mode, 8, &n))
            return NO_NUMBER;
        info->has_mode = 1;
        info->mode = (int32_t)n;
    }
    if ((limit = tool_option(args, count, "-limit")) != NULL) {
        info->has_limit = 1;
        info->limit = INT64_MAX;
        if (strcmp(limit, "unlimited") != 0 && !take_number(limit, 10, &info->limit))
            return NO_NUMBER;
    }
    if ((copies = tool_option(args, count, "-defaultReplication")) != NULL) {
        if (!take_number(copies, 10, &n))
            return NO_NUMBER;
        info->has_defaultreplication = 1;
        info->defaultreplication = (uint32_t)n;
    }
    if ((*ttl = tool_option(args, count, "-maxTtl")) != NULL) {
        info->has_maxrelativeexpiry = 1;
        if (!take_time("maxTtl", *ttl, &info->maxrelativeexpiry))
            return MISUSED;
    }
    return *count > 0 ? pool_not_understood(t, args, *count) : 0;
}

static int add_pool(struct tool *t, char **args, int count)
{
    Pb__AddCachePoolRequestProto req = PB__ADD_CACHE_POOL_REQUEST_PROTO__INIT;
    Pb__CachePoolInfoProto info = PB__CACHE_POOL_INFO_PROTO__INIT;
    Pb__AddCachePoolResponseProto *answer;
    const char *ttl;
    struct err err;
    int rc = take_pool(t, args, &count, &info, &ttl);

    if (rc != 0)
        return rc;
    req.info = &info;
    if (FS_ASK(t->fs, "addCachePool", &req, add_cache_pool, &t->arena, &answer, &err) < 0)
        return failed(t, &err);
    printf("Successfully added cache pool %s.\n", info.poolname);
    return 0;
}

static void tell_changes(const Pb__CachePoolInfoProto *info, const char *ttl)
{
    const char *before = " to have ";
    char mode[16];

    if (info->ownername) {
        printf("%sowner name %s", before, info->ownername);
        before = " and ";
    }
    if (info->groupname) {
        printf("%sgroup name %s", before, info->groupname);
        before = " and ";
    }
    if (info->has_mode) {
        mode_text((uint16_t)info->mode, mode);
        printf("%smode %s", before, mode);
        before = " and ";
    }
    if (info->has_limit) {
        printf("%slimit %" PRId64, before, info->limit);
        before = " and ";
    }
    if (info->has_defaultreplication) {
        printf("%sreplication %u\n", before, info->defaultreplication);
        before = " replication ";
    }
    if (ttl)
        printf("%smax time-to-live %s", before, ttl);
    putchar('\n');
}

static int modify_pool(struct tool *t, char **args, int count)
{
    Pb__ModifyCachePoolRequestProto req = PB__MODIFY_CACHE_POOL_REQUEST_PROTO__INIT;
    Pb__CachePoolInfoProto info = PB__CACHE_POOL_INFO_PROTO__INIT;
    Pb__ModifyCachePoolResponseProto *answer;
    const char *ttl;
    struct err err;
    int rc = take_pool(t, args, &count, &info, &ttl);

    if (rc != 0)
        return rc;
    if (!info.ownername && !info.groupname && !info.has_mode && !info.has_limit &&
        !info.has_defaultreplication && !ttl)
        return say("You must specify at least one attribute to change in the cache pool.");
    req.info = &info;
    if (FS_ASK(t->fs, "modifyCachePool", &req, modify_cache_pool, &t->arena, &answer, &err) < 0)
        return failed(t, &err);
    printf("Successfully modified cache pool %s", info.poolname);
    tell_changes(&info, ttl);
    return 0;
}

static int remove_pool(struct tool *t, char **args, int count)
{
    Pb__RemoveCachePoolRequestProto req = PB__REMOVE_CACHE_POOL_REQUEST_PROTO__INIT;
    Pb__RemoveCachePoolResponseProto *answer;
    const char *name = take_name(args, &count);
    struct err err;

    if (!name)
        return say("You must specify a name when deleting a cache pool.");
    if (count > 0)
        return pool_not_understood(t, args, count);
    req.poolname = (char *)(uintptr_t)name;
    if (FS_ASK(t->fs, "removeCachePool", &req, remove_cache_pool, &t->arena, &answer, &err) < 0)
        return failed(t, &err);
    printf("Successfully removed cache pool %s.\n", name);
    return 0;
}

/* ---- listing ---- */

static const char *number(struct tool *t, int64_t n)
{
    const char *s = arena_printf(&t->arena, "%" PRId64, n);

    return s ? s : "?";
}

static const char *duration(struct tool *t, int64_t ms)
{
    int64_t s = ms / 1000;
    const char *text =
        arena_printf(&t->arena, "%03" PRId64 ":%02d:%02d:%02d.%03d", s / 86400,
                     (int)(s / 3600 % 24), (int)(s / 60 % 60), (int)(s % 60), (int)(ms % 1000));

    return text ? text : "?";
}

enum { POOL_COLUMNS = 12, POOL_PLAIN = 7, DIRECTIVE_COLUMNS = 9, DIRECTIVE_PLAIN = 5 };

static const struct column pool_columns[POOL_COLUMNS] = {{"NAME", false},
                                                         {"OWNER", false},
                                                         {"GROUP", false},
                                                         {"MODE", false},
                                                         {"LIMIT", true},
                                                         {"MAXTTL", true},
                                                         {"DEFAULT_REPLICATION", true},
                                                         {"BYTES_NEEDED", true},
                                                         {"BYTES_CACHED", true},
                                                         {"BYTES_OVERLIMIT", true},
                                                         {"FILES_NEEDED", true},
                                                         {"FILES_CACHED", true}};
static const struct column directive_columns[DIRECTIVE_COLUMNS] = {
    {"ID", true},           {"POOL", false},        {"REPL", true},
    {"EXPIRY", false},      {"PATH", false},        {"BYTES_NEEDED", true},
    {"BYTES_CACHED", true}, {"FILES_NEEDED", true}, {"FILES_CACHED", true}};

/* Rows of a table as they come. */
struct rows {
    const char **cells;
    size_t count, room, each;
};

static const char **add_row(struct rows *r)
{
    if (r->count == r->room) {
        r->room = r->room * 2 + 64;
        r->cells = realloc(r->cells, r->room * r->each * sizeof *r->cells);
        MUST(r->cells);
    }
    return &r->cells[r->count++ * r->each];
}

static void add_pool_row(struct tool *t, struct rows *rows, bool stats,
                         const Pb__CachePoolEntryProto *e)
{
    const Pb__CachePoolInfoProto *i = e->info;
    const char **cell = add_row(rows);
    char mode[16] = "";

    if (i->has_mode)
        mode_text((uint16_t)i->mode, mode);
    *cell++ = i->poolname;
    *cell++ = i->ownername ? i->ownername : "";
    *cell++ = i->groupname ? i->groupname : "";
    *cell++ = arena_printf(&t->arena, "%s", mode);
    *cell++ = !i->has_limit ? "" : i->limit == INT64_MAX ? "unlimited" : number(t, i->limit);
    *cell++ = !i->has_maxrelativeexpiry          ? ""
              : i->maxrelativeexpiry == NEVER_MS ? "never"
                                                 : duration(t, i->maxrelativeexpiry);
    *cell++ = number(t, i->defaultreplication);
    if (!stats)
        return;
    *cell++ = number(t, e->stats->bytesneeded);
    *cell++ = number(t, e->stats->bytescached);
    *cell++ = number(t, e->stats->bytesoverlimit);
    *cell++ = number(t, e->stats->filesneeded);
    *cell++ = number(t, e->stats->filescached);
}

static int list_pools(struct tool *t, char **args, int count)
{
    Pb__ListCachePoolsRequestProto req = PB__LIST_CACHE_POOLS_REQUEST_PROTO__INIT;
    bool stats = tool_flag(args, &count, "-stats");
    const char *name = take_name(args, &count);
    struct rows rows = {.each = stats ? POOL_COLUMNS : POOL_PLAIN};
    Pb__ListCachePoolsResponseProto *answer;
    struct err err;

    if (count > 0)
        return pool_not_understood(t, args, count);
    req.prevpoolname = "";
    do {
        if (FS_ASK(t->fs, "listCachePools", &req, list_cache_pools, &t->arena, &answer, &err) < 0) {
            free(rows.cells);
            return tool_failed(t, &err);
        }
        for (size_t i = 0; i < answer->n_entries; i++) {
            if (!name || strcmp(answer->entries[i]->info->poolname, name) == 0)
                add_pool_row(t, &rows, stats, answer->entries[i]);
            req.prevpoolname = answer->entries[i]->info->poolname;
        }
    } while (answer->hasmore && answer->n_entries > 0);
    printf("Found %zu result%s.\n", rows.count, rows.count == 1 ? "" : "s");
    if (rows.count > 0)
        columns_print(pool_columns, (int)rows.each, rows.cells, rows.count);
    free(rows.cells);
    return 0;
}

static const char *expiry_text(struct tool *t, const Pb__CacheDirectiveInfoExpirationProto *e)
{
    time_t at = e ? (time_t)(e->millis / 1000) : 0;
    char text[80] = "never";
    struct tm tm;

    if (e && localtime_r(&at, &tm))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &tm);
    return arena_printf(&t->arena, "%s", text);
}

static void add_directive_row(struct tool *t, struct rows *rows, bool stats,
                              const Pb__CacheDirectiveEntryProto *e)
{
    const Pb__CacheDirectiveInfoProto *i = e->info;
    const char **cell = add_row(rows);

    *cell++ = number(t, i->id);
    *cell++ = i->pool ? i->pool : "";
    *cell++ = number(t, i->replication);
    *cell++ = expiry_text(t, i->expiration);
    *cell++ = i->path ? i->path : "";
    if (!stats)
        return;
    *cell++ = number(t, e->stats->bytesneeded);
    *cell++ = number(t, e->stats->bytescached);
    *cell++ = number(t, e->stats->filesneeded);
    *cell++ = number(t, e->stats->filescached);
}

/* Shows @visit every directive that @filter lets through; its exit code, or that of a failure. */
static int each_directive(struct tool *t, Pb__CacheDirectiveInfoProto *filter,
                          int (*visit)(struct tool *t, void *ctx,
                                       const Pb__CacheDirectiveEntryProto *e),
                          void *ctx)
{
    Pb__ListCacheDirectivesRequestProto req = PB__LIST_CACHE_DIRECTIVES_REQUEST_PROTO__INIT;
    Pb__ListCacheDirectivesResponseProto *answer;
    struct err err;
    int rc = 0;

    req.filter = filter;
    do {
        if (FS_ASK(t->fs, "listCacheDirectives", &req, list_cache_directives, &t->arena, &answer,
                   &err) < 0)
            return tool_failed(t, &err);
        for (size_t i = 0; i < answer->n_elements && rc == 0; i++) {
            rc = visit(t, ctx, answer->elements[i]);
            req.previd = answer->elements[i]->info->id;
        }
    } while (rc == 0 && answer->hasmore && answer->n_elements > 0);
    return rc;
}

struct listing {
    struct rows rows;
    bool stats;
};

static int collect(struct tool *t, void *ctx, const Pb__CacheDirectiveEntryProto *e)
{
    struct listing *l = ctx;

    add_directive_row(t, &l->rows, l->stats, e);
    return 0;
}

static int list_directives(struct tool *t, char **args, int count)
{
    Pb__CacheDirectiveInfoProto filter = PB__CACHE_DIRECTIVE_INFO_PROTO__INIT;
    const char *path = tool_option(args, &count, "-path"), *id;
    struct listing l = {0};
    struct err err;
    int rc;

    if (path && fs_path(t->fs, path, &t->arena, &filter.path, &err) < 0)
        return tool_failed(t, &err);
    filter.pool = (char *)(uintptr_t)tool_option(args, &count, "-pool");
    l.stats = tool_flag(args, &count, "-stats");
    if ((id = tool_option(args, &count, "-id")) != NULL) {
        if (!take_number(id, 10, &filter.id))
            return NO_NUMBER;
        filter.has_id = 1;
    }
    if (count > 0)
        return not_understood(args, count);
    l.rows.each = l.stats ? DIRECTIVE_COLUMNS : DIRECTIVE_PLAIN;
    rc = each_directive(t, &filter, collect, &l);
    if (rc == 0)
        printf("Found %zu entr%s\n", l.rows.count, l.rows.count == 1 ? "y" : "ies");
    if (rc == 0 && l.rows.count > 0)
        columns_print(directive_columns, (int)l.rows.each, l.rows.cells, l.rows.count);
    free(l.rows.cells);
    return rc;
}

/* ---- directives ---- */

/* What -addDirective and -modifyDirective take; 0, or the exit code of what is wrong. */
static int take_directive(struct tool *t, char **args, int *count,
                          Pb__CacheDirectiveInfoProto *info,
                          Pb__CacheDirectiveInfoExpirationProto *expiry)
{
    const char *copies = tool_option(args, count, "-replication"), *ttl;
    struct err err;
    int64_t n;

    if (info->path && fs_path(t->fs, info->path, &t->arena, &info->path, &err) < 0)
        return failed(t, &err);
    if (copies) {
        if (!take_number(copies, 10, &n))
            return NO_NUMBER;
        info->has_replication = 1;
        info->replication = (uint32_t)n;
    }
    if ((ttl = tool_option(args, count, "-ttl")) != NULL) {
        if (!take_time("ttl", ttl, &expiry->millis))
            return MISUSED;
        expiry->isrelative = 1;
        info->expiration = expiry;
    }
    return *count > 0 ? not_understood(args, *count) : 0;
}

static int add_directive(struct tool *t, char **args, int count)
{
    Pb__CacheDirectiveInfoExpirationProto expiry = PB__CACHE_DIRECTIVE_INFO_EXPIRATION_PROTO__INIT;
    Pb__AddCacheDirectiveRequestProto req = PB__ADD_CACHE_DIRECTIVE_REQUEST_PROTO__INIT;
    Pb__CacheDirectiveInfoProto info = PB__CACHE_DIRECTIVE_INFO_PROTO__INIT;
    Pb__AddCacheDirectiveResponseProto *answer;
    struct err err;
    int rc;

    info.path = (char *)(uintptr_t)tool_option(args, &count, "-path");
    if (!info.path)
        return say("You must specify a path with -path.");
    req.has_cacheflags = 1;
    req.cacheflags = tool_flag(args, &count, "-force");
    info.pool = (char *)(uintptr_t)tool_option(args, &count, "-pool");
    if (!info.pool)
        return say("You must specify a pool name with -pool.");
    if ((rc = take_directive(t, args, &count, &info, &expiry)) != 0)
        return rc;
    req.info = &info;
    if (FS_ASK(t->fs, "addCacheDirective", &req, add_cache_directive, &t->arena, &answer, &err) < 0)
        return failed(t, &err);
    printf("Added cache directive %" PRId64 "\n", answer->id);
    return 0;
}

static int modify_directive(struct tool *t, char **args, int count)
{
    Pb__CacheDirectiveInfoExpirationProto expiry = PB__CACHE_DIRECTIVE_INFO_EXPIRATION_PROTO__INIT;
    Pb__ModifyCacheDirectiveRequestProto req = PB__MODIFY_CACHE_DIRECTIVE_REQUEST_PROTO__INIT;
    Pb__CacheDirectiveInfoProto info = PB__CACHE_DIRECTIVE_INFO_PROTO__INIT;
    const char *id = tool_option(args, &count, "-id");
    Pb__ModifyCacheDirectiveResponseProto *answer;
    struct err err;
    int rc;

    if (!id)
        return say("You must specify a directive ID with -id.");
    if (!take_number(id, 10, &info.id))
        return NO_NUMBER;
    info.has_id = 1;
    info.path = (char *)(uintptr_t)tool_option(args, &count, "-path");
    req.has_cacheflags = 1;
    req.cacheflags = tool_flag(args, &count, "-force");
    info.pool = (char *)(uintptr_t)tool_option(args, &count, "-pool");
    if ((rc = take_directive(t, args, &count, &info, &expiry)) != 0)
        return rc;
    if (!info.path && !info.pool && !info.has_replication && !info.expiration)
        return say("No modifications were specified.");
    req.info = &info;
    if (FS_ASK(t->fs, "modifyCacheDirective", &req, modify_cache_directive, &t->arena, &answer,
               &err) < 0)
        return failed(t, &err);
    printf("Modified cache directive %s\n", id);
    return 0;
}

static int remove_one(struct tool *t, int64_t id, struct err *err)
{
    Pb__RemoveCacheDirectiveRequestProto req = PB__REMOVE_CACHE_DIRECTIVE_REQUEST_PROTO__INIT;
    Pb__RemoveCacheDirectiveResponseProto *answer;

    req.id = id;
    return FS_ASK(t->fs, "removeCacheDirective", &req, remove_cache_directive, &t->arena, &answer,
                  err);
}

static int remove_directive(struct tool *t, char **args, int count)
{
    const char *text = take_name(args, &count);
    struct err err;
    char *end;
    int64_t id;

    if (!text)
        return say("You must specify a directive ID to remove.");
    id = strtoll(text, &end, 10);
    if (*end || end == text) {
        fprintf(stderr, "Invalid directive ID %s: expected a numeric value.\n", text);
        return MISUSED;
    }
    if (id <= 0) {
        fprintf(stderr, "Invalid directive ID %" PRId64 ": ids must be greater than 0.\n", id);
        return MISUSED;
    }
    if (count > 0)
        return not_understood(args, count);
    if (remove_one(t, id, &err) < 0)
        return failed(t, &err);
    printf("Removed cached directive %" PRId64 "\n", id);
    return 0;
}

static int remove_found(struct tool *t, void *ctx, const Pb__CacheDirectiveEntryProto *e)
{
    struct err err;

    (void)ctx;
    if (remove_one(t, e->info->id, &err) < 0)
        return failed(t, &err);
    printf("Removed cache directive %" PRId64 "\n", e->info->id);
    return 0;
}

static int remove_directives(struct tool *t, char **args, int count)
{
    Pb__CacheDirectiveInfoProto filter = PB__CACHE_DIRECTIVE_INFO_PROTO__INIT;
    const char *path = tool_option(args, &count, "-path");
    struct err err;
    int rc;

    if (!path)
        return say("You must specify a path with -path.");
    if (count > 0)
        return not_understood(args, count);
    if (fs_path(t->fs, path, &t->arena, &filter.path, &err) < 0)
        return failed(t, &err);
    rc = each_directive(t, &filter, remove_found, NULL);
    if (rc == 0)
        printf("Removed every cache directive with path %s\n", path);
    return rc;
}

const struct tool_command cache_commands[] = {
#define CACHE_COMMAND(name, fn, usage, about) {name, usage, about, fn, false},
#include "client/shell/cacheadmin.def"
#undef CACHE_COMMAND
    {0}};
