#include "cua/server/plain_desktop.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUA_LOG_MODULE "serve"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/desktops.h"
#include "cua/server/command.h"

#define START_TIMEOUT_MS 120000
#define STOP_TIMEOUT_MS 60000
#define LOOK_AGAIN_MS 500

/* --- starting --- */

/* Nobody else's name: what is found under it may be stopped. */
static enum cua_status write_down(
		struct server *server, struct plain_desktop *desktop, struct cua_error *err)
{
	unsigned char random[6];
	char hex[2 * sizeof(random) + 1];
	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(hex, sizeof(hex), random, sizeof(random));
	snprintf(desktop->name, sizeof(desktop->name), "plain-%s", hex);
	return store_run(server->store, NULL, err,
			"INSERT INTO plain_desktops (name, created_ms) VALUES (?, ?)", "si",
			desktop->name, store_now_ms());
}

static enum cua_status run_start(const char *name, const char *network, struct cua_error *err)
{
	char name_option[64], network_option[4100];
	snprintf(name_option, sizeof(name_option), "--name=%s", name);
	snprintf(network_option, sizeof(network_option), "--network=%s",
			network ? network : "none");
	const char *const argv[] = { "cua", "desktop", "start", "--json", name_option,
		network_option, NULL };
	const struct command command = { .argv = argv, .timeout_ms = START_TIMEOUT_MS };
	return command_json(&command, CUA_ERR_UNAVAILABLE, NULL, err);
}

enum cua_status plain_desktop_start(struct server *server, const char *network,
		struct plain_desktop *ret_desktop, struct cua_error *err)
{
	struct desktop_record record;
	*ret_desktop = (struct plain_desktop){ { 0 }, { 0 } };
	if (network && strchr(network, '@')) {
		/* Files of the server's machine are not for clients to name. */
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"network must be none, allow:NAME,... or open");
	}
	enum cua_status status = write_down(server, ret_desktop, err);
	if (status != CUA_OK) {
		ret_desktop->name[0] = '\0';
		return status;
	}
	status = run_start(ret_desktop->name, network, err);
	if (status == CUA_OK) {
		status = cua_desktop_find(ret_desktop->name, &record, err);
	}
	if (status == CUA_OK) {
		desktop_path(&record, "api.sock", ret_desktop->socket_path,
				sizeof(ret_desktop->socket_path));
	}
	return status;
}

/* --- stopping --- */

static enum cua_status forget(struct server *server, const char *name, struct cua_error *err)
{
	return store_run(server->store, NULL, err, "DELETE FROM plain_desktops WHERE name = ?", "s",
			name);
}

/* One that is not there is stopped. */
static void stop(struct server *server, const char *name)
{
	struct desktop_record record;
	struct cua_error error = { 0 };
	const char *const argv[] = { "cua", "desktop", "stop", name, NULL };
	const struct command command = { .argv = argv, .timeout_ms = STOP_TIMEOUT_MS };
	enum cua_status status = cua_desktop_find(name, &record, &error);
	if (status == CUA_OK) {
		status = command_json(&command, CUA_ERR_IO, NULL, &error);
	}
	if (status == CUA_OK || status == CUA_ERR_NOT_FOUND) {
		status = forget(server, name, &error);
	}
	if (status != CUA_OK) {
		cua_log_warn("%s, a desktop of a plain route, is left to the next start: %s", name,
				error.msg);
	}
}

void plain_desktop_stop(struct server *server, const struct plain_desktop *desktop)
{
	if (desktop->name[0]) {
		stop(server, desktop->name);
	}
}

/* --- what was left --- */

struct clearing {
	uv_work_t work;
	struct server *server;
	cJSON *left;
};

/* A start that outlived its server would make what was stopped under its hands: it is over when the
 * host answers, or when none can be under way any more. */
static bool may_be_starting(const cJSON *row)
{
	struct desktop_record record;
	const bool is_recent = (double)store_now_ms() - cua_json_number(row, "created_ms") <
			START_TIMEOUT_MS;
	return is_recent &&
			!(cua_desktop_find(cua_json_text(row, "name"), &record, NULL) == CUA_OK &&
					cua_desktop_has_host(&record));
}

static void clear(uv_work_t *work)
{
	struct clearing *clearing = work->data;
	struct pollfd ending = { .fd = clearing->server->ending_fd, .events = POLLIN };
	while (clearing->left->child) {
		cJSON *next = NULL;
		for (cJSON *row = clearing->left->child; row; row = next) {
			next = row->next;
			if (!may_be_starting(row)) {
				stop(clearing->server, cua_json_text(row, "name"));
				cJSON_Delete(cJSON_DetachItemViaPointer(clearing->left, row));
			}
		}
		if (clearing->left->child && poll(&ending, 1, LOOK_AGAIN_MS) > 0) {
			return; /* the next server goes on */
		}
	}
}

static void on_cleared(uv_work_t *work, int status)
{
	struct clearing *clearing = work->data;
	(void)status;
	cJSON_Delete(clearing->left);
	free(clearing);
}

enum cua_status plain_desktops_clear(struct server *server, struct cua_error *err)
{
	struct clearing *clearing = calloc(1, sizeof(*clearing));
	if (!clearing) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "desktops of plain routes");
	}
	clearing->server = server;
	clearing->work.data = clearing;
	enum cua_status status = store_run(server->store, &clearing->left, err,
			"SELECT name, created_ms FROM plain_desktops", "");
	if (status == CUA_OK &&
			uv_queue_work(&server->loop, &clearing->work, clear, on_cleared) == 0) {
		return CUA_OK;
	}
	on_cleared(&clearing->work, 0);
	return status == CUA_OK ? CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "desktops of plain routes")
				: status;
}
