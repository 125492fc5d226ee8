/* Who is connected over TCP. Strangers, who have not shown yet who they are, may not take the room
 * of those who have; nor may those who do not read what they asked for. */

#include <stdatomic.h>
#include <string.h>

#include "cua/base/http_server_internal.h"

/* Answers that wait for their readers, all together. */
#define UNSENT_MAX ((size_t)512 << 20)

static void drop(struct connection *connection)
{
	connection->is_dropped = true;
	lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

/* A proxy in front of us is one address with many behind it, and has bounds of its own. */
static bool is_loopback(const char *peer)
{
	return !peer[0] || strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0 ||
			strncmp(peer, "::ffff:127.", 11) == 0;
}

bool http_crowd_has_room(struct cua_http_server *server, const char *peer)
{
	const struct connection *connection = NULL;
	int same = 0;
	if (server->max_connections > 0 && server->connections >= server->max_connections) {
		return false;
	}
	if (server->max_per_peer == 0 || is_loopback(peer)) {
		return true;
	}
	TAILQ_FOREACH(connection, &server->crowd, link)
	{
		same += strcmp(connection->peer, peer) == 0;
	}
	return same < server->max_per_peer;
}

void http_crowd_join(struct connection *connection)
{
	struct cua_http_server *server = connection->server;
	struct connection *oldest = NULL;
	TAILQ_INSERT_TAIL(&server->crowd, connection, link);
	server->strangers++;
	if (server->max_strangers == 0 || server->strangers <= server->max_strangers) {
		return;
	}
	/* Who means well has said who it is long before. */
	TAILQ_FOREACH(oldest, &server->crowd, link)
	{
		if (!oldest->is_known && !oldest->is_dropped) {
			http_preview_drop(oldest);
			drop(oldest);
			return;
		}
	}
}

void http_crowd_leave(struct connection *connection)
{
	struct cua_http_server *server = connection->server;
	TAILQ_REMOVE(&server->crowd, connection, link);
	server->strangers -= !connection->is_known;
	atomic_fetch_sub(&server->unsent, connection->unsent);
}

void http_crowd_trust(struct connection *connection)
{
	connection->server->strangers -= !connection->is_known;
	connection->is_known = true;
}

void http_crowd_unsent(struct connection *connection, size_t unsent)
{
	struct cua_http_server *server = connection->server;
	struct connection *slow = NULL, *other = NULL;
	const size_t before = connection->unsent;
	connection->unsent = unsent;
	const size_t all = atomic_fetch_add(&server->unsent, unsent - before) + unsent - before;
	if (!server->is_tcp || all <= UNSENT_MAX || unsent <= before) {
		return;
	}
	TAILQ_FOREACH(other, &server->crowd, link)
	{
		if (!other->is_dropped && (!slow || other->unsent > slow->unsent)) {
			slow = other;
		}
	}
	if (slow) {
		drop(slow);
	}
}

size_t cua_http_server_unsent(const struct cua_http_server *server)
{
	return atomic_load(&server->unsent);
}
