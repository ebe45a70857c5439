/* rpc_methods.h -- what can be asked of a datanode on its RPC port: by clients, administrators
 * and other datanodes.
 *
 * Thread:  started and stopped by one.
 */
#ifndef DFS_DATANODE_RPC_METHODS_H
#define DFS_DATANODE_RPC_METHODS_H

#include "datanode/datanode.h"
#include "proto/rpc_server.h"

/* Protocols, as rpc_server_options wants them; *count says how many. */
const struct rpc_protocol *client_datanode_protocols(struct datanode *dn, int *count);
const struct rpc_protocol *inter_datanode_protocols(struct datanode *dn, int *count);

#endif
