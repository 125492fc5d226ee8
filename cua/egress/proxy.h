#ifndef CUA_EGRESS_PROXY_H
#define CUA_EGRESS_PROXY_H

/* The egress proxy: what of a desktop gets to which host, and what was decided about it. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "cua/base/error.h"

struct egress_limits {
	int connections;          /* at a time */
	int connections_per_rule; /* at a time */
	int names_per_hour;       /* that were not asked for in the hour before */
	uint64_t sent, received;  /* bytes for each entry of the list, in the life of the proxy */
	uint64_t log;             /* bytes; nothing is let through that cannot be logged; of what
				     is refused a bounded part is: see decisions.h */
	int head_ms, dial_ms, idle_ms;
};

extern const struct egress_limits egress_usual_limits;

/* In place of DNS and of the check of its addresses: for tests. No program of a user sets it. */
typedef bool (*egress_find_fn)(
		void *data, const char *host, uint16_t port, struct sockaddr_storage *ret_address);

struct egress_proxy_options {
	int listen_fd, log_fd;
	const char *list;  /* as egress_list_read() made it */
	const char *token; /* EGRESS_TOKEN_LEN digits */
	uid_t peer_uid;    /* whoever else connects is not heard */
	bool has_life;     /* it ends when life_fd, a pipe, can be written to by nobody any more */
	int life_fd;
	struct egress_limits limits;
	/* Gives up what it does not need before it hears the first byte: other programs, files but
	 * to read those of name resolution, further sockets to listen on, and being read. */
	bool is_confined;
	egress_find_fn find;
	void *find_data;
};

/**
 * egress_proxy_run() - until SIGTERM, or the end of life_fd.
 * @on_ready: called once it serves; NULL: nobody waits.
 *
 * Return: CUA_OK; CUA_ERR_IO if the socket cannot be used, CUA_ERR_UNAVAILABLE if the machine
 *         cannot confine it.
 */
CUA_NODISCARD enum cua_status egress_proxy_run(const struct egress_proxy_options *options,
		void (*on_ready)(void), struct cua_error *err);

#endif
