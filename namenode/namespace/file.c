/* file.c -- the blocks of a file: none, one in the inode itself, or a list. */
#include <string.h>

#include "namenode/namespace/ns_state.h"

struct block_list {
    uint32_t n, cap;
    uint8_t numbers[][6];
};

static size_t list_bytes(uint32_t cap)
{
    return sizeof(struct block_list) + (size_t)cap * 6;
}

static struct block_list *list_of(const struct namespace *ns, const struct inode *i)
{
    return slab_at(&ns->tree, (uint32_t)get48(i->data));
}

uint32_t file_block_count(const struct namespace *ns, const struct inode *i)
{
    if (i->flags & INODE_LIST)
        return list_of(ns, i)->n;
    return get48(i->data) != 0;
}

uint64_t file_block_number(const struct namespace *ns, const struct inode *i, uint32_t k)
{
    return i->flags & INODE_LIST ? get48(list_of(ns, i)->numbers[k]) : get48(i->data);
}

void file_free_list(struct namespace *ns, struct inode *i)
{
    if (i->flags & INODE_LIST)
        slab_free(&ns->tree, (uint32_t)get48(i->data), list_bytes(list_of(ns, i)->cap));
    i->flags &= (uint8_t)~INODE_LIST;
    put48(i->data, 0);
}

/* A list with room for @cap; 0 when memory is short. */
static uint32_t new_list(struct namespace *ns, uint32_t cap)
{
    uint32_t ref = slab_alloc(&ns->tree, list_bytes(cap));

    if (list_bytes(cap) > ns->longest_list)
        ns->longest_list = list_bytes(cap);
    if (ref)
        *(struct block_list *)slab_at(&ns->tree, ref) = (struct block_list){.cap = cap};
    return ref;
}

int file_set_blocks(struct namespace *ns, uint64_t file, const uint64_t *numbers, uint32_t n,
                    struct err *err)
{
    struct inode *i = ns_inode(ns, file);
    struct block_list *l;
    uint32_t ref = 0;

    if (n > 1) {
        ref = new_list(ns, n);
        if (!ref)
            return err_set(err, ERR_NOMEM, "list of %u blocks", n);
        l = slab_at(&ns->tree, ref);
        l->n = n;
        for (uint32_t k = 0; k < n; k++)
            put48(l->numbers[k], numbers[k]);
    }
    file_free_list(ns, i);
    put48(i->data, n > 1 ? ref : n == 1 ? numbers[0] : 0);
    if (n > 1)
        i->flags |= INODE_LIST;
    return 0;
}

int file_add_block(struct namespace *ns, uint64_t file, uint64_t number, struct err *err)
{
    struct inode *i = ns_inode(ns, file);
    uint32_t n = file_block_count(ns, i), cap, ref;
    struct block_list *old, *l;

    if (n == 0) {
        put48(i->data, number);
        return 0;
    }
    old = i->flags & INODE_LIST ? list_of(ns, i) : NULL;
    if (old && old->n < old->cap) {
        put48(old->numbers[old->n++], number);
        return 0;
    }
    cap = n < 4 ? n + 1 : n + n / 4;
    ref = new_list(ns, cap);
    if (!ref)
        return err_set(err, ERR_NOMEM, "list of %u blocks", n + 1);
    l = slab_at(&ns->tree, ref);
    for (uint32_t k = 0; k < n; k++)
        put48(l->numbers[k], file_block_number(ns, i, k));
    put48(l->numbers[n], number);
    l->n = n + 1;
    file_free_list(ns, i);
    put48(i->data, ref);
    i->flags |= INODE_LIST;
    return 0;
}

void file_forget_block(struct namespace *ns, uint64_t number)
{
    const struct block *b = block_get(&ns->blocks, number);
    uint16_t storages[1024];
    struct block_info info;

    if (!b)
        return;
    block_unpack(&ns->blocks, b, number, &info);
    block_storages(&ns->blocks, b, storages, 1024);
    if (ns->on_block_gone)
        ns->on_block_gone(ns->on_block_gone_ctx, &info, storages);
    block_drop(&ns->blocks, number);
}

void file_drop_last_block(struct namespace *ns, uint64_t file)
{
    struct inode *i = ns_inode(ns, file);
    uint32_t n = file_block_count(ns, i);
    uint64_t number;

    MUST(n > 0);
    number = file_block_number(ns, i, n - 1);
    if (n == 1) {
        file_free_list(ns, i);
    } else if (n == 2) {
        uint64_t first = file_block_number(ns, i, 0);

        file_free_list(ns, i);
        put48(i->data, first);
    } else {
        list_of(ns, i)->n--;
    }
    if (!file_keeps_block(ns, file, number))
        file_forget_block(ns, number);
}

bool file_keeps_block(const struct namespace *ns, uint64_t file, uint64_t number)
{
    return lease_cut(ns->leases, file).source == number || history_has_block(ns, file, number);
}

void file_end_cut(struct namespace *ns, uint64_t file)
{
    uint64_t source = lease_cut(ns->leases, file).source;

    if (!source)
        return;
    lease_set_cut(ns->leases, file, (struct lease_cut){0});
    if (!history_has_block(ns, file, source))
        file_forget_block(ns, source);
}

int file_make_block(struct namespace *ns, uint64_t file, const struct edit_block *in,
                    enum block_state state, struct err *err)
{
    uint64_t number = block_number(in->id);
    struct block *b;

    if (number == BLOCK_NONE)
        return err_set(err, ERR_INCONSISTENT, "block id %lld is of no kind that can be kept",
                       (long long)in->id);
    if (in->gs > U48_MAX || in->length > U48_MAX)
        return err_set(err, ERR_INCONSISTENT, "blk_%lld: length or stamp out of bounds",
                       (long long)in->id);
    if (block_get(&ns->blocks, number))
        return err_set(err, ERR_INCONSISTENT, "blk_%lld belongs to a file already",
                       (long long)in->id);
    b = block_put(&ns->blocks, number);
    if (!b)
        return err_set(err, ERR_NOMEM, "block");
    put48(b->gs, in->gs);
    put48(b->length, in->length);
    put48(b->file, file);
    b->bits |= (uint8_t)state;
    return 0;
}
