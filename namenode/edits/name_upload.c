#include "namenode/edits/name_upload.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/edits/edit_codec.h"
#include "namenode/edits/name_image.h"

struct name_upload {
    struct name_dirs *d;
    struct name_image image;
    uint8_t sum[MD5_BYTES];
    bool checked, taken;
};

static int not_newer(const struct name_dirs *d, uint64_t txid, struct err *err)
{
    if (txid > d->image_txid)
        return 0;
    return err_set(err, ERR_EXISTS,
                   "Either current namenode has checkpointed or another checkpointer already "
                   "uploaded an checkpoint with txid %" PRIu64,
                   d->image_txid);
}

int name_upload_begin(struct name_dirs *d, uint64_t txid, uint64_t last_txid,
                      struct name_upload **out, struct err *err)
{
    struct name_upload *u;
    uint64_t none = 0;
    int rc = not_newer(d, txid, err);

    if (rc < 0)
        return rc;
    if (txid > last_txid)
        return err_set(err, ERR_ARGUMENT,
                       "an image as of transaction %" PRIu64 ", and the last one is %" PRIu64, txid,
                       last_txid);
    if (!(u = calloc(1, sizeof *u)))
        return err_set(err, ERR_NOMEM, "image");
    if (!__atomic_compare_exchange_n(&d->uploading, &none, txid + 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        free(u);
        return err_set(err, ERR_EXISTS,
                       "Another checkpointer is already in the process of uploading a checkpoint "
                       "made up to transaction ID %" PRIu64,
                       none - 1);
    }
    u->d = d;
    if ((rc = name_image_begin(&u->image, d, NAME_UPLOAD, txid, err)) < 0)
        name_upload_free(u);
    else
        *out = u;
    return rc;
}

int name_upload_write(struct name_upload *u, const void *bytes, size_t n, struct err *err)
{
    return name_image_write(&u->image, bytes, n, err);
}

uint64_t name_upload_bytes(const struct name_upload *u)
{
    return u->image.at;
}

uint64_t name_upload_txid(const struct name_upload *u)
{
    return u->image.txid;
}

static void hex(const uint8_t md5[MD5_BYTES], char out[2 * MD5_BYTES + 1])
{
    for (int i = 0; i < MD5_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", md5[i]);
}

/* What it says of itself. */
static int look_inside(const struct name_upload *u, struct err *err)
{
    struct image_info info;
    char path[PATH_MAX];
    int rc = name_image_find(&u->image, path, sizeof path);

    if (rc == 0)
        rc = image_info_read(u->d->env, path, &info, err);
    if (rc < 0)
        return rc;
    if (info.namespace_id != u->d->identity.namespace_id)
        return err_set(err, ERR_INCONSISTENT, "an image of namespace %u, this one is %u",
                       info.namespace_id, u->d->identity.namespace_id);
    if (info.txid != u->image.txid)
        return err_set(err, ERR_CORRUPT,
                       "an image as of transaction %" PRIu64 " that was said to be of %" PRIu64,
                       info.txid, u->image.txid);
    if (info.layout_version != EDIT_LAYOUT)
        return err_set(err, ERR_VERSION, "an image of layout %d, this one is %d",
                       info.layout_version, EDIT_LAYOUT);
    return 0;
}

int name_upload_check(struct name_upload *u, const uint8_t *md5, struct err *err)
{
    char got[2 * MD5_BYTES + 1], said[2 * MD5_BYTES + 1];
    int rc = name_image_sync(&u->image, u->sum, err);

    if (rc < 0)
        return rc;
    if (md5 && memcmp(md5, u->sum, MD5_BYTES) != 0) {
        hex(u->sum, got);
        hex(md5, said);
        return err_set(err, ERR_CORRUPT, "computed digest %s does not match advertised digest %s",
                       got, said);
    }
    if ((rc = look_inside(u, err)) == 0)
        u->checked = true;
    return rc;
}

int name_upload_take(struct name_upload *u, int retained_images, uint64_t retained_edits,
                     struct err *err)
{
    int rc = not_newer(u->d, u->image.txid, err);

    MUST(u->checked);
    if (rc < 0 || (rc = name_image_put_sum(&u->image, u->sum, err)) < 0 ||
        (rc = name_image_becomes_checkpoint(&u->image, err)) < 0)
        return rc;
    rc = name_dirs_image_done(u->d, u->image.txid, retained_images, retained_edits, err);
    u->taken = u->d->image_txid == u->image.txid;
    return rc;
}

void name_upload_free(struct name_upload *u)
{
    if (!u)
        return;
    name_image_end(&u->image, u->taken);
    __atomic_store_n(&u->d->uploading, 0, __ATOMIC_RELEASE);
    free(u);
}
