#ifndef CUA_EGRESS_PROXY_INTERNAL_H
#define CUA_EGRESS_PROXY_INTERNAL_H

/* For proxy.c, connection.c, dial.c, ledger.c and egress_log.c alone. */

#include <netdb.h>
#include <netinet/in.h>
#include <sys/queue.h>

#include <uv.h>

#include "cua/egress/allow_list.h"
#include "cua/egress/client_hello.h"
#include "cua/egress/decisions.h"
#include "cua/egress/proxy.h"
#include "cua/egress/pump.h"
#include "cua/egress/relay.h"
#include "cua/egress/request.h"

/* What went to one entry of the list: a name, or all those under one. */
struct account {
	char rule[EGRESS_RULE_MAX];
	uint64_t sent, received;
	int connections;
	SLIST_ENTRY(account) link;
};

struct known_name {
	char name[CUA_HOST_NAME_MAX + 1];
	uint64_t seen_us;
};

struct ledger {
	SLIST_HEAD(, account) accounts;
	struct known_name *names; /* owned; limits.names_per_hour of them */
	int name_count;
};

struct egress_proxy {
	const struct egress_proxy_options *options;
	uv_loop_t loop;
	uv_pipe_t listener;
	uv_signal_t term;
	uv_poll_t life;
	struct ledger ledger;
	struct egress_decisions log;
	uint64_t last_id;
	int connections;
};

enum stage {
	STAGE_TOKEN,
	STAGE_HEAD,
	STAGE_LOOKUP,
	STAGE_DIAL,
	STAGE_HELLO,
	STAGE_FLOW,
	STAGE_FAREWELL,
	STAGE_CLOSING,
};

struct connection {
	struct egress_proxy *proxy;
	enum stage stage;
	uint64_t id, started_us;
	uv_pipe_t client;
	uv_tcp_t server;
	uv_timer_t timer;
	int holders; /* handles and requests that still know of it */
	bool server_is_open;
	char in[EGRESS_PART_MAX];
	char token[EGRESS_TOKEN_LEN + 1];
	size_t token_len;
	struct egress_request request;
	struct cua_buffer early; /* what came behind the head */
	struct account *account; /* NULL: none yet */
	uv_getaddrinfo_t lookup;
	struct addrinfo *addresses, *next_address; /* owned; the next to try */
	uv_connect_t connect;
	char address[INET6_ADDRSTRLEN]; /* of the server; "" */
	uv_write_t welcome;
	struct egress_pump pump;
	struct egress_farewell farewell;
	char answer[1024];
	uint64_t sent, received;
	const char *ending; /* why it ended; NULL: both sides were done */
	bool is_logged_open;
};

/* --- connection.c --- */

/* False without memory: the client was not taken from the listener. */
bool connection_start(struct egress_proxy *proxy);
void connection_close(struct connection *connection);
/* One of those that know of it is gone; the last frees it. */
void connection_release(struct connection *connection);
/* Calls connection_time() unless something happens before. */
void connection_wait(struct connection *connection, int timeout_ms);
/* Nothing goes anywhere: what is told to the client, and to the log. detail may be "". */
void connection_refuse(
		struct connection *connection, int status, const char *why, const char *detail);
/* The server is there. */
void connection_welcome(struct connection *connection);

/* --- dial.c --- */

void dial_start(struct connection *connection);
/* The time for this address is over. */
void dial_give_up(struct connection *connection);

/* --- ledger.c --- */

bool ledger_init(struct ledger *ledger, const struct egress_limits *limits);
/* NULL: no memory. */
struct account *ledger_account(struct ledger *ledger, const char *rule);
/* False if this would be one name too many in this hour. */
bool ledger_note_name(struct ledger *ledger, const struct egress_limits *limits, const char *name,
		uint64_t now_us);
void ledger_finish(struct ledger *ledger);

/* --- egress_log.c --- */

/* event: "allowed", "denied", "failed", "closed". False if it cannot be written; of "denied" and
 * "failed" some are counted alone. */
bool egress_log(struct connection *connection, const char *event, const char *rule,
		const char *detail);

#endif
