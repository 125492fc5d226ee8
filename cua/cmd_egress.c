/* cua egress: the egress proxy of a desktop. Started by cua desktop start, as a user of its own. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "cua/base/buffer.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/desktop_egress.h"
#include "cua/egress/proxy.h"

#define CONFIG_MAX ((size_t)16384) /* bytes */

/* To its end, which says that the desktop knows of this process: what comes without one was cut
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
	dprintf(DESKTOP_EGRESS_READY_FD, "{\"ready\": true}\n");
	close(DESKTOP_EGRESS_READY_FD);
}

int cua_cmd_egress(int argc, char **argv)
{
	CUA_AUTO_JSON cJSON *config = NULL;
	struct cua_error error = { 0 };
	(void)argv;
	if (argc > 1 || sodium_init() < 0) {
		fputs("cua egress: started by cua desktop start; it has no use without\n", stderr);
		return CUA_EXIT_USAGE;
	}
	enum cua_status status = read_config(&config, &error);
	if (status == CUA_OK) {
		const struct egress_proxy_options options = {
			.listen_fd = DESKTOP_EGRESS_LISTEN_FD,
			.log_fd = DESKTOP_EGRESS_LOG_FD,
			.list = cua_json_text(config, "list"),
			.token = cua_json_text(config, "token"),
			.peer_uid = (uid_t)cua_json_number(config, "uid"),
			.limits = egress_usual_limits,
			.is_confined = true,
		};
		status = egress_proxy_run(&options, say_ready, &error);
	}
	return status == CUA_OK ? CUA_EXIT_OK : cua_cmd_fail(&error);
}
