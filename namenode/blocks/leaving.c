/* leaving.c -- nodes that are emptied, in maintenance, or shut out, as the hosts files say.
 *
 * A node that is emptied serves readers until each of its blocks has copies enough elsewhere, and
 * then it has left.  One that goes into maintenance waits only for dfs.namenode.maintenance.
 * replication.min copies elsewhere; it is expected back, so its own count as if they were there,
 * even when it is dead, until its time is over. */
#include "namenode/blocks/bm_parts.h"

#include <inttypes.h>
#include <string.h>

#include "common/log.h"

enum { SWEEP_SMALL = 100000 }; /* so few blocks are looked at in every round */

static const char *const names[] = {
    [ADMIN_NORMAL] = "in service",   [ADMIN_LEAVING] = "being decommissioned",
    [ADMIN_LEFT] = "decommissioned", [ADMIN_ENTERING] = "entering maintenance",
    [ADMIN_AWAY] = "in maintenance",
};

void datanode_set_admin(struct block_manager *bm, struct datanode *node, admin_state admin)
{
    bool was_away = datanode_in_maintenance(node);

    if (node->admin == admin)
        return;
    LOG_INFO("nn.datanode", "node=%s:%u was=\"%s\" is=\"%s\" next=\"look at its blocks\"", node->ip,
             node->xfer_port, names[node->admin], names[admin]);
    node->admin = admin;
    if (was_away && !datanode_in_maintenance(node) && !node->alive)
        datanode_goes_off(bm, node);
    datanode_account(bm, node);
    datanode_new_card(bm, node);
    sweep_want(bm, true);
}

/* ---- beginnings and ends ---- */

static void decommission(struct block_manager *bm, struct datanode *node)
{
    if (node->admin == ADMIN_LEAVING || node->admin == ADMIN_LEFT)
        return;
    datanode_set_admin(bm, node,
                       node->alive ? ADMIN_LEAVING : ADMIN_LEFT); /* dead: nothing to wait for */
}

static void maintain(struct block_manager *bm, struct datanode *node, uint64_t until_ms)
{
    bool at_once = !node->alive || node->admin == ADMIN_LEFT || bm->maintenance_min == 0;

    node->away_until_ms = until_ms;
    if (!datanode_in_maintenance(node))
        datanode_set_admin(bm, node, at_once ? ADMIN_AWAY : ADMIN_ENTERING);
}

void leaving_follow_hosts(struct block_manager *bm, struct datanode *node)
{
    uint16_t port = (uint16_t)node->xfer_port;
    uint64_t until_ms = hosts_away_until(bm->hosts, node->ip, node->name, port);
    const char *domain = hosts_upgrade_domain(bm->hosts, node->ip, node->name, port);

    node->disallowed = !hosts_may_join(bm->hosts, node->ip, node->name, port);
    node->upgrade_domain = domain;
    datanode_new_card(bm, node);
    if (node->disallowed)
        return; /* its next heartbeat is told so */
    if (until_ms > env_now_ms(bm->env))
        maintain(bm, node, until_ms);
    else if (hosts_excluded(bm->hosts, node->ip, node->name, port))
        decommission(bm, node);
    else
        datanode_set_admin(bm, node, ADMIN_NORMAL);
}

int bm_refresh_nodes(struct block_manager *bm, struct err *err)
{
    struct hosts *fresh, *old;
    int rc = hosts_load(bm->env, bm->o.conf, &fresh, err);

    if (rc < 0)
        return rc;
    bm_lock(bm);
    old = bm->hosts;
    bm->hosts = fresh;
    for (int i = 0; i < bm->node_count; i++)
        leaving_follow_hosts(bm, bm->nodes[i]);
    bm_unlock(bm);
    hosts_free(old);
    return 0;
}

/* ---- until they may go ---- */

void leaving_watch(struct block_manager *bm, uint64_t now)
{
    uint64_t wall_ms = env_now_ms(bm->env);
    bool any = false;

    for (int i = 0; i < bm->node_count; i++) {
        struct datanode *node = bm->nodes[i];

        if (datanode_in_maintenance(node) && node->away_until_ms <= wall_ms)
            datanode_set_admin(bm, node, ADMIN_NORMAL);
        any |= datanode_is_leaving(node);
    }
    if (!any || now < bm->sweep.decommission_due_ms)
        return;
    bm->sweep.decommission_due_ms =
        now + (ns_block_count(bm->ns) < SWEEP_SMALL ? bm->redundancy_ms : bm->leaving_ms);
    sweep_want(bm, true);
}

void leaving_count_begin(struct block_manager *bm)
{
    for (int i = 0; i < bm->node_count; i++) {
        struct datanode *node = bm->nodes[i];

        node->counted = bm->sweep.all && datanode_is_leaving(node);
        if (node->counted)
            node->insufficient = 0;
    }
}

/* Does the block keep a node with this state from going? */
static bool holds_back(struct block_manager *bm, const struct block_info *b, const struct counts *c,
                       admin_state admin)
{
    int wanted = block_replication(bm, b);
    bool group = id_is_striped(b->id);

    if (admin == ADMIN_ENTERING && !group && c->live >= bm->maintenance_min)
        return false;
    if (b->state != BLOCK_COMPLETE)
        return c->live < block_min(bm, b);
    if (admin == ADMIN_LEAVING && !group && c->live >= bm->default_replication)
        return false;
    return c->live < block_live_wanted(bm, b->id, wanted, c) ||
           !block_racks_enough(bm, b->id, wanted);
}

void leaving_count_block(struct block_manager *bm, const struct block_info *b,
                         const uint16_t *storages, unsigned n)
{
    struct counts c;
    bool asked = false;

    for (unsigned i = 0; i < n; i++) {
        const struct storage *st = storage_at(bm, storages[i]);

        if (!st || !st->node || !st->node->counted)
            continue;
        if (!asked)
            replicas_count(bm, b->id, &c);
        asked = true;
        st->node->insufficient += holds_back(bm, b, &c, st->node->admin);
    }
}

static bool has_reported(const struct datanode *node)
{
    for (int i = 0; i < node->storage_count; i++)
        if (!node->storages[i]->reported && !node->storages[i]->failed)
            return false;
    return node->storage_count > 0;
}

/* A dead one may have had the last copies: it goes when no block is short of any. */
static bool may_go(const struct block_manager *bm, const struct datanode *node)
{
    if (!node->counted || !datanode_is_leaving(node) || node->insufficient > 0)
        return false;
    return node->alive ? has_reported(node) : bm->needed.count == 0 && bm->pending.count == 0;
}

void leaving_count_end(struct block_manager *bm)
{
    for (int i = 0; i < bm->node_count; i++) {
        struct datanode *node = bm->nodes[i];

        if (may_go(bm, node))
            datanode_set_admin(bm, node, node->admin == ADMIN_LEAVING ? ADMIN_LEFT : ADMIN_AWAY);
        node->counted = false;
    }
}
