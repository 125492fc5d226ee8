/* cua egress: the egress proxy of a sandbox, a process and a user of its own; and, inside a sandbox
 * that has no session to do it, the relay to it. Started by who starts the sandbox. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "cua/base/buffer.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/egress/launch.h"
#include "cua/egress/proxy.h"

#define CONFIG_MAX ((size_t)16384) /* bytes */

/* As bubblewrap passes it on. */
#define LIFE_FD_INSIDE 3

/* To its end, which says that who started it knows of this process: what comes without one was cut
 * off. */
static enum cua_status read_config(cJSON **ret_config, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, CONFIG_MAX);
	for (;;) {
		char part[4096];
		const ssize_t got = read(STDIN_FILENO, part, sizeof(part));
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			break;
		}
		enum cua_status status = cua_buffer_append(&text, part, (size_t)got, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	*ret_config = cJSON_Parse(text.data ? text.data : "");
	return cJSON_IsString(cua_json_member(*ret_config, "token"))
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_INVAL, 0, "no configuration came");
}

static void say_ready(void)
{
	dprintf(EGRESS_READY_FD, "{\"ready\": true}\n");
	close(EGRESS_READY_FD);
}

static int run_beside(char **argv)
{
	struct cua_error error = { 0 };
	(void)egress_relay_beside(argv[0], LIFE_FD_INSIDE, argv + 1, &error);
	return cua_cmd_fail(&error);
}

int cua_cmd_egress(int argc, char **argv)
{
	CUA_AUTO_JSON cJSON *config = NULL;
	struct cua_error error = { 0 };
	if (argc > 3 && strcmp(argv[1], "--relay") == 0) {
		return run_beside(argv + 2);
	}
	if (argc > 1 || sodium_init() < 0) {
		fputs("cua egress: started with a sandbox that has a network of some names; it has "
		      "no use without\n",
				stderr);
		return CUA_EXIT_USAGE;
	}
	enum cua_status status = read_config(&config, &error);
	if (status == CUA_OK) {
		const struct egress_proxy_options options = {
			.listen_fd = EGRESS_OWN_FD,
			.log_fd = EGRESS_LOG_FD,
			.list = cua_json_text(config, "list"),
			.token = cua_json_text(config, "token"),
			.peer_uid = (uid_t)cua_json_number(config, "uid"),
			.has_life = cJSON_IsTrue(cua_json_member(config, "has_life")),
			.life_fd = EGRESS_LIFE_FD,
			.limits = egress_usual_limits,
			.is_confined = true,
		};
		status = egress_proxy_run(&options, say_ready, &error);
	}
	return status == CUA_OK ? CUA_EXIT_OK : cua_cmd_fail(&error);
}
