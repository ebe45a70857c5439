/* webhdfs_names.c -- what is where, and making, moving and removing names, over WebHDFS. */
#include <stdio.h>
#include <stdlib.h>

#include "namenode/http/web_blocks.h"
#include "namenode/http/web_status.h"
#include "namenode/http/webhdfs.h"

enum { PAGE_ARENA_MAX = 64 << 20 };

static Pb__FsPermissionProto permission(uint32_t mode)
{
    Pb__FsPermissionProto p = PB__FS_PERMISSION_PROTO__INIT;

    p.perm = mode;
    return p;
}

/* ---- one path ---- */

static int status_answer(struct web_call *c, const Pb__HdfsFileStatusProto *s)
{
    if (!s)
        return err_set(&c->err, ERR_NOENT, "File does not exist: %s", c->path);
    return web_answer(c, json_pack("{s:o}", "FileStatus", web_status_json(s)));
}

int web_get_file_status(struct web_call *c)
{
    Pb__GetFileInfoRequestProto rq = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    const Pb__GetFileInfoResponseProto *rs;

    rq.src = (char *)c->path;
    rs = web_ask(c, "getFileInfo", &rq);
    return rs ? status_answer(c, rs->fs) : -(int)c->err.code;
}

int web_get_file_link_status(struct web_call *c)
{
    Pb__GetFileLinkInfoRequestProto rq = PB__GET_FILE_LINK_INFO_REQUEST_PROTO__INIT;
    const Pb__GetFileLinkInfoResponseProto *rs;

    rq.src = (char *)c->path;
    rs = web_ask(c, "getFileLinkInfo", &rq);
    return rs ? status_answer(c, rs->fs) : -(int)c->err.code;
}

int web_get_link_target(struct web_call *c)
{
    Pb__GetLinkTargetRequestProto rq = PB__GET_LINK_TARGET_REQUEST_PROTO__INIT;
    const Pb__GetLinkTargetResponseProto *rs;

    rq.path = (char *)c->path;
    if (!(rs = web_ask(c, "getLinkTarget", &rq)))
        return -(int)c->err.code;
    return web_answer(c, json_pack("{s:s}", "Path", rs->targetpath));
}

int web_check_access(struct web_call *c)
{
    Pb__CheckAccessRequestProto rq = PB__CHECK_ACCESS_REQUEST_PROTO__INIT;
    const char *bits = web_text(c, WEB_fsaction);
    int rc = web_need(c, WEB_fsaction);

    if (rc < 0)
        return rc;
    rq.path = (char *)c->path;
    rq.mode = (Pb__AclEntryProto__FsActionProto)(4 * (bits[0] == 'r') + 2 * (bits[1] == 'w') +
                                                 (bits[2] == 'x'));
    return web_ask(c, "checkAccess", &rq) ? 0 : -(int)c->err.code;
}

/* ---- listings ---- */

static const Pb__DirectoryListingProto *ask_page(struct web_call *c, const char *after, size_t n)
{
    Pb__GetListingRequestProto rq = PB__GET_LISTING_REQUEST_PROTO__INIT;
    const Pb__GetListingResponseProto *rs;

    rq.src = (char *)c->path;
    rq.startafter = (ProtobufCBinaryData){.data = (uint8_t *)after, .len = n};
    if (!(rs = web_ask(c, "getListing", &rq)))
        return NULL;
    if (!rs->dirlist)
        err_set(&c->err, ERR_NOENT, "File %s does not exist.", c->path);
    return rs->dirlist;
}

static json_t *page_json(const Pb__DirectoryListingProto *page)
{
    json_t *list = json_array();

    for (size_t i = 0; i < page->n_partiallisting; i++)
        json_array_append_new(list, web_status_json(page->partiallisting[i]));
    return list;
}

int web_list_status_batch(struct web_call *c)
{
    const char *after = web_text(c, WEB_startafter);
    const Pb__DirectoryListingProto *page = ask_page(c, after, strlen(after));

    if (!page)
        return -(int)c->err.code;
    return web_answer(c, json_pack("{s:{s:{s:{s:o}}, s:I}}", "DirectoryListing", "partialListing",
                                   "FileStatuses", "FileStatus", page_json(page),
                                   "remainingEntries", (json_int_t)page->remainingentries));
}

static int send_page(struct web_call *c, const Pb__DirectoryListingProto *page, bool first)
{
    for (size_t i = 0; i < page->n_partiallisting; i++) {
        json_t *json = web_status_json(page->partiallisting[i]);
        char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
        int rc = text ? 0 : web_nomem(c);

        if (rc == 0 && (i > 0 || !first))
            rc = http_write(c->req, ",\n", 2, &c->err);
        if (rc == 0)
            rc = http_write(c->req, text, strlen(text), &c->err);
        free(text);
        json_decref(json);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The page after @page, which is gone then. */
static const Pb__DirectoryListingProto *next_page(struct web_call *c,
                                                  const Pb__DirectoryListingProto *page)
{
    const ProtobufCBinaryData *last = &page->partiallisting[page->n_partiallisting - 1]->path;
    size_t n = last->len;
    char *after = malloc(n + 1);

    if (!after) {
        web_nomem(c);
        return NULL;
    }
    memcpy(after, last->data, n);
    arena_reset(c->answers);
    page = ask_page(c, after, n);
    free(after);
    return page;
}

static int send_listing(struct web_call *c, const Pb__DirectoryListingProto *page)
{
    static const char head[] = "{\"FileStatuses\":{\"FileStatus\":[\n", tail[] = "\n]}}\n";
    int rc = http_write(c->req, head, sizeof head - 1, &c->err);

    for (bool first = true; rc == 0; first = false) {
        if ((rc = send_page(c, page, first)) < 0)
            return rc;
        if (page->remainingentries == 0 || page->n_partiallisting == 0)
            return http_write(c->req, tail, sizeof tail - 1, &c->err);
        if (!(page = next_page(c, page)))
            return -(int)c->err.code;
    }
    return rc;
}

/* A directory of any size: page after page goes out as it is read. */
int web_list_status(struct web_call *c)
{
    const Pb__DirectoryListingProto *page;
    struct arena pages;

    arena_init(&pages, PAGE_ARENA_MAX);
    c->answers = &pages;
    page = ask_page(c, "", 0);
    if (page && strcmp(c->req->method, "HEAD") != 0) {
        web_begin_json(c);
        if (send_listing(c, page) < 0)
            http_cut(c->req);
        else
            http_end(c->req);
    }
    c->answers = &c->arena;
    arena_done(&pages);
    return page ? 0 : -(int)c->err.code;
}

/* ---- blocks and sizes ---- */

static const Pb__LocatedBlocksProto *ask_blocks(struct web_call *c)
{
    Pb__GetBlockLocationsRequestProto rq = PB__GET_BLOCK_LOCATIONS_REQUEST_PROTO__INIT;
    const Pb__GetBlockLocationsResponseProto *rs;

    rq.src = (char *)c->path;
    rq.offset = (uint64_t)web_number(c, WEB_offset);
    rq.length = (uint64_t)web_number(c, WEB_length);
    rs = web_ask(c, "getBlockLocations", &rq);
    return rs ? rs->locations : NULL;
}

int web_get_file_block_locations(struct web_call *c)
{
    const Pb__LocatedBlocksProto *blocks = ask_blocks(c);

    if (!blocks)
        return -(int)c->err.code;
    return web_answer(c, json_pack("{s:{s:o}}", "BlockLocations", "BlockLocation",
                                   web_block_locations_json(blocks)));
}

int web_get_block_locations(struct web_call *c)
{
    const Pb__LocatedBlocksProto *blocks = ask_blocks(c);

    if (!blocks)
        return -(int)c->err.code;
    return web_answer(c, json_pack("{s:o}", "LocatedBlocks", web_located_blocks_json(blocks)));
}

/* ---- making, moving, removing ---- */

int web_mkdirs(struct web_call *c)
{
    Pb__MkdirsRequestProto rq = PB__MKDIRS_REQUEST_PROTO__INIT;
    Pb__FsPermissionProto masked = permission((uint32_t)web_number(c, WEB_permission));
    Pb__FsPermissionProto unmasked = permission((uint32_t)web_number(c, WEB_unmasked));
    size_t n = strlen(c->raw_path);
    const Pb__MkdirsResponseProto *rs;

    /* here alone a doubled slash is refused; one at the end is none */
    rq.src = arena_strndup(&c->arena, c->raw_path, n - (n > 1 && c->raw_path[n - 1] == '/'));
    if (!rq.src)
        return web_nomem(c);
    rq.createparent = true;
    rq.masked = &masked;
    rq.unmasked = c->params.has[WEB_unmasked] ? &unmasked : NULL;
    rs = web_ask(c, "mkdirs", &rq);
    return rs ? web_answer_bool(c, rs->result) : -(int)c->err.code;
}

int web_create_symlink(struct web_call *c)
{
    Pb__CreateSymlinkRequestProto rq = PB__CREATE_SYMLINK_REQUEST_PROTO__INIT;
    Pb__FsPermissionProto mode = permission(0755);
    int rc = web_need(c, WEB_destination);

    if (rc < 0)
        return rc;
    rq.target = web_text(c, WEB_destination);
    rq.link = (char *)c->path;
    rq.dirperm = &mode;
    rq.createparent = web_number(c, WEB_createparent) != 0;
    return web_ask(c, "createSymlink", &rq) ? 0 : -(int)c->err.code;
}

static int rename_over(struct web_call *c)
{
    Pb__Rename2RequestProto rq = PB__RENAME2_REQUEST_PROTO__INIT;
    int64_t options = web_number(c, WEB_renameoptions);

    rq.src = (char *)c->path;
    rq.dst = web_text(c, WEB_destination);
    rq.overwritedest = options & WEB_RENAME_OVERWRITE;
    rq.has_movetotrash = true;
    rq.movetotrash = options & WEB_RENAME_TO_TRASH;
    return web_ask(c, "rename2", &rq) ? 0 : -(int)c->err.code;
}

int web_rename(struct web_call *c)
{
    Pb__RenameRequestProto rq = PB__RENAME_REQUEST_PROTO__INIT;
    const Pb__RenameResponseProto *rs;
    int rc = web_need(c, WEB_destination);

    if (rc < 0)
        return rc;
    if (c->params.has[WEB_renameoptions])
        return rename_over(c);
    rq.src = (char *)c->path;
    rq.dst = web_text(c, WEB_destination);
    rs = web_ask(c, "rename", &rq);
    return rs ? web_answer_bool(c, rs->result) : -(int)c->err.code;
}

int web_concat(struct web_call *c)
{
    Pb__ConcatRequestProto rq = PB__CONCAT_REQUEST_PROTO__INIT;
    char *list = web_text(c, WEB_sources), *one;
    int rc = web_need(c, WEB_sources);

    if (rc < 0)
        return rc;
    rq.trg = (char *)c->path;
    rq.srcs = arena_alloc(&c->arena, (strlen(list) / 2 + 1) * sizeof *rq.srcs);
    if (!rq.srcs)
        return web_nomem(c);
    while ((one = strsep(&list, ",")))
        if (*one)
            rq.srcs[rq.n_srcs++] = one;
    return web_ask(c, "concat", &rq) ? 0 : -(int)c->err.code;
}

int web_truncate(struct web_call *c)
{
    Pb__TruncateRequestProto rq = PB__TRUNCATE_REQUEST_PROTO__INIT;
    const Pb__TruncateResponseProto *rs;
    int rc = web_need(c, WEB_newlength);

    if (rc < 0)
        return rc;
    rq.src = (char *)c->path;
    rq.newlength = (uint64_t)web_number(c, WEB_newlength);
    rq.clientname =
        arena_printf(&c->arena, "DFSClient_%llu", (unsigned long long)env_random_u64(c->nn->env));
    if (!rq.clientname)
        return web_nomem(c);
    rs = web_ask(c, "truncate", &rq);
    return rs ? web_answer_bool(c, rs->result) : -(int)c->err.code;
}

int web_delete(struct web_call *c)
{
    Pb__DeleteRequestProto rq = PB__DELETE_REQUEST_PROTO__INIT;
    const Pb__DeleteResponseProto *rs;

    rq.src = (char *)c->path;
    rq.recursive = web_number(c, WEB_recursive) != 0;
    rs = web_ask(c, "delete", &rq);
    return rs ? web_answer_bool(c, rs->result) : -(int)c->err.code;
}
