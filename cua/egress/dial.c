/* From a name to a connected server: asks DNS, drops addresses that are nobody's business in a
 * sandbox, and connects to one that was checked, never by name again. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/egress/address.h"
#include "cua/egress/proxy_internal.h"

static void dial_next(struct connection *connection);

static void on_server_closed(uv_handle_t *handle)
{
	struct connection *connection = handle->data;
	connection->server_is_open = false;
	if (connection->stage == STAGE_DIAL) {
		dial_next(connection);
	}
	connection_release(connection);
}

void dial_give_up(struct connection *connection)
{
	uv_handle_t *handle = (uv_handle_t *)&connection->server;
	if (connection->server_is_open && !uv_is_closing(handle)) {
		handle->data = connection;
		uv_close(handle, on_server_closed);
	}
}

static void on_connect(uv_connect_t *connect, int status)
{
	struct connection *connection = connect->data;
	if (connection->stage != STAGE_DIAL) {
		return;
	}
	if (status < 0) {
		dial_give_up(connection);
		return;
	}
	uv_tcp_nodelay(&connection->server, 1);
	uv_tcp_keepalive(&connection->server, 1, 60);
	connection_welcome(connection);
}

static void dial(struct connection *connection, const struct sockaddr *address)
{
	const void *bytes = address->sa_family == AF_INET
			? (const void *)&((const struct sockaddr_in *)(const void *)address)
					  ->sin_addr
			: (const void *)&((const struct sockaddr_in6 *)(const void *)address)
					  ->sin6_addr;
	uv_inet_ntop(address->sa_family, bytes, connection->address, sizeof(connection->address));
	connection->stage = STAGE_DIAL;
	uv_tcp_init(&connection->proxy->loop, &connection->server);
	connection->server_is_open = true;
	connection->holders++;
	connection->connect.data = connection;
	connection_wait(connection, connection->proxy->options->limits.dial_ms);
	if (uv_tcp_connect(&connection->connect, &connection->server, address, on_connect) < 0) {
		dial_give_up(connection);
	}
}

static void dial_next(struct connection *connection)
{
	struct addrinfo *at = connection->next_address;
	if (!at) {
		connection_refuse(connection, 502, "nobody answers there", "");
		return;
	}
	connection->next_address = at->ai_next;
	dial(connection, at->ai_addr);
}

/* Moves what may be connected to to the front; the others are dropped from the list. */
static const char *drop_refused(struct connection *connection)
{
	const char *why = "the name has no address";
	struct addrinfo **link = &connection->addresses;
	while (*link) {
		struct addrinfo *at = *link;
		const char *refusal = egress_address_refusal(at->ai_addr);
		if (!refusal) {
			link = &at->ai_next;
			continue;
		}
		why = refusal;
		*link = at->ai_next;
		at->ai_next = NULL;
		uv_freeaddrinfo(at);
	}
	return why;
}

static void on_lookup(uv_getaddrinfo_t *lookup, int status, struct addrinfo *addresses)
{
	struct connection *connection = lookup->data;
	connection->addresses = addresses;
	if (connection->stage == STAGE_LOOKUP && status < 0) {
		connection_refuse(connection, 502, "the name is not known", uv_err_name(status));
	} else if (connection->stage == STAGE_LOOKUP) {
		const char *why = drop_refused(connection);
		connection->next_address = connection->addresses;
		if (connection->addresses) {
			dial_next(connection);
		} else {
			connection_refuse(
					connection, 403, "the name leads where nobody may go", why);
		}
	}
	connection_release(connection);
}

void dial_start(struct connection *connection)
{
	const struct egress_proxy_options *options = connection->proxy->options;
	const struct egress_request *request = &connection->request;
	struct sockaddr_storage fixed;
	if (options->find &&
			options->find(options->find_data, request->host, request->port, &fixed)) {
		dial(connection, (const struct sockaddr *)&fixed);
		return;
	}
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV };
	char port[8];
	snprintf(port, sizeof(port), "%u", request->port);
	connection->stage = STAGE_LOOKUP;
	connection->lookup.data = connection;
	connection->holders++;
	connection_wait(connection, options->limits.dial_ms);
	if (uv_getaddrinfo(&connection->proxy->loop, &connection->lookup, on_lookup, request->host,
			    port, &hints) < 0) {
		connection->holders--;
		connection_refuse(connection, 502, "the name cannot be looked up", "");
	}
}
