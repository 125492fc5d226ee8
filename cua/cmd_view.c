/* cua view: a desktop in a native viewer, here or through a server. */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/process.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/desktops.h"
#include "cua/view/door.h"
#include "cua/view/handshake.h"
#include "cua/view/upstream.h"

static const char usage[] =
		"usage: cua view [-d NAME] [--mode=MODE] [--server=URL --token-file=FILE]\n"
		"                [--viewer=PROGRAM | --no-viewer | --listen[=PORT]]\n"
		"\n"
		"Shows a desktop in a native VNC viewer: one of this machine, or one of a server "
		"(cua\n"
		"serve), which it asks for a ticket. It ends with the viewer.\n"
		"\n"
		"  -d, --desktop=NAME   the desktop; needless while there is only one\n"
		"  -m, --mode=MODE      watch: to see; act, the default: input takes the desktop "
		"over,\n"
		"                       until the Pause key or Ctrl+Alt+R gives it back; private: "
		"as\n"
		"                       act, and the model does not see it\n"
		"  -s, --server=URL     http://127.0.0.1:8180 or https://agents.example.org\n"
		"  -t, --token-file=FILE  its first line is a token of the server (cua serve "
		"token\n"
		"                       NAME --scopes=act); -: standard input\n"
		"      --viewer=PROGRAM it is given the path of a unix socket, as TigerVNC's takes "
		"it;\n"
		"                       default: xtigervncviewer, if it is there and there is a "
		"screen\n"
		"      --no-viewer      print the path, and wait for one viewer\n"
		"  -l, --listen[=PORT]  instead: wait on 127.0.0.1 for one viewer that gives the\n"
		"                       password that is printed, for viewers without unix "
		"sockets\n"
		"\n"
		"Exit status: 0 the viewer ended; 1 there is no such desktop; 2 wrong usage; 6 the "
		"desktop,\n"
		"the server or the viewer failed, or hung up.\n"
		"\n"
		"Example: cua view -d office --server=https://agents.example.org "
		"--token-file=token\n";

struct view {
	/* options */
	const char *desktop, *server_url, *token_file, *viewer;
	enum vnc_mode mode;
	bool no_viewer, listens;
	int port;
	/* state */
	struct view_server server;
	struct desktop_record record; /* of one here */
	char name[128];
	struct door door;
	int stop_fd;
};

/* --- what is asked for --- */

static bool parse_mode(const char *name, enum vnc_mode *ret_mode)
{
	for (int i = 0; i < VNC_MODE_COUNT; i++) {
		if (strcmp(upstream_modes[i], name) == 0) {
			*ret_mode = (enum vnc_mode)i;
			return true;
		}
	}
	return false;
}

static bool parse_port(const char *text, int *ret_port)
{
	char *end = NULL;
	const long port = text ? strtol(text, &end, 10) : 0;
	*ret_port = (int)port;
	return !text || (end != text && !*end && port >= 0 && port < 65536);
}

static bool parse_option(int option, struct view *view)
{
	switch (option) {
	case 'd':
		view->desktop = optarg;
		return true;
	case 'm':
		return parse_mode(optarg, &view->mode);
	case 's':
		view->server_url = optarg;
		return true;
	case 't':
		view->token_file = optarg;
		return true;
	case 'v':
		view->viewer = optarg;
		return true;
	case 'n':
		view->no_viewer = true;
		return true;
	case 'l':
		view->listens = true;
		return parse_port(optarg, &view->port);
	default:
		return false;
	}
}

static enum cua_status read_token(const char *path, char *token, size_t size, struct cua_error *err)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!file) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	const bool has_line = fgets(token, (int)size, file) != NULL;
	if (file != stdin) {
		fclose(file);
	}
	token[has_line ? strcspn(token, "\r\n") : 0] = '\0';
	return CUA_OK;
}

static enum cua_status find(struct view *view, struct cua_error *err)
{
	char token[256];
	if (!view->server_url) {
		enum cua_status status = cua_desktop_find(view->desktop, &view->record, err);
		snprintf(view->name, sizeof(view->name), "%s", view->record.name);
		return status;
	}
	enum cua_status status = read_token(view->token_file, token, sizeof(token), err);
	if (status == CUA_OK) {
		status = view_server_init(&view->server, view->server_url, token, err);
	}
	sodium_memzero(token, sizeof(token));
	return status == CUA_OK ? view_server_find(&view->server, view->desktop, view->name,
						  sizeof(view->name), err)
				: status;
}

/* --- the viewer --- */

#define USUAL_VIEWER "xtigervncviewer"

static bool wants_viewer(const struct view *view)
{
	return view->viewer ||
			(!view->no_viewer && !view->listens &&
					(getenv("DISPLAY") || getenv("WAYLAND_DISPLAY")));
}

/* It is not ended with us: it may have something to say. */
static enum cua_status start_viewer(const struct view *view, pid_t *ret_pid, struct cua_error *err)
{
	const char *viewer = view->viewer ? view->viewer : USUAL_VIEWER;
	const char *const argv[] = { viewer, view->door.path, NULL };
	const struct cua_fd_map fds[] = { { 0, 0 }, { 1, 1 }, { 2, 2 } };
	const struct cua_spawn spawn = { .argv = argv,
		.exec_fd = -1,
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = (uid_t)-1 };
	enum cua_status status = cua_spawn(&spawn, ret_pid, err);
	/* Nobody asked for this one. */
	return status == CUA_ERR_NOT_FOUND && !view->viewer ? CUA_OK : status;
}

static void print_door(const struct view *view)
{
	if (view->listens) {
		printf("address   127.0.0.1:%d\npassword  %s\n", view->door.port,
				view->door.password);
	} else {
		printf("socket    %s\n", view->door.path);
	}
	fflush(stdout);
}

static enum cua_status open_door(struct view *view, struct cua_error *err)
{
	return view->listens ? door_open_loopback(&view->door, view->port, err)
			     : door_open_unix(&view->door, view->name, err);
}

/* --- the connection --- */

static enum cua_status open_upstream(
		const struct view *view, struct upstream *upstream, struct cua_error *err)
{
	return view->server_url
			? upstream_open_server(upstream, &view->server, view->name, view->mode, err)
			: upstream_open_desktop(upstream, &view->record, view->mode, err);
}

static enum cua_status carry(const struct view *view, int viewer_fd, struct cua_error *err)
{
	struct upstream upstream;
	struct cua_error other = { 0 };
	enum cua_status status = open_upstream(view, &upstream, err);
	if (status != CUA_OK) {
		return status;
	}
	if (view->listens) {
		status = handshake_with_server(upstream.fd, view->stop_fd, err);
	}
	if (status == CUA_OK) {
		status = tunnel_to_socket(upstream.fd, viewer_fd, view->stop_fd, err);
	}
	/* What the server says of the end tells more than that it came. */
	if (upstream_close(&upstream, &other) != CUA_OK && status != CUA_OK &&
			status != CUA_ERR_CANCELLED) {
		status = other.status;
		*err = other;
	}
	return status;
}

static enum cua_status serve_one(struct view *view, struct cua_error *err)
{
	CUA_AUTO_FD int viewer_fd = -1;
	pid_t pid = 0;
	enum cua_status status = open_door(view, err);
	if (status == CUA_OK && wants_viewer(view)) {
		status = start_viewer(view, &pid, err);
	}
	if (status == CUA_OK && pid == 0) {
		print_door(view);
	}
	if (status == CUA_OK) {
		status = door_wait(&view->door, pid, view->stop_fd, &viewer_fd, err);
	}
	door_close(&view->door); /* for one alone */
	if (status == CUA_OK) {
		status = carry(view, viewer_fd, err);
	}
	return status;
}

static enum cua_status begin(struct view *view, struct cua_error *err)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	unsetenv("http_proxy"); /* libwebsockets would go by it, also to this machine */
	view->stop_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return view->stop_fd >= 0 ? find(view, err) : CUA_FAIL(err, CUA_ERR_IO, errno, "signals");
}

int cua_cmd_view(int argc, char **argv)
{
	static const struct option options[] = { { "desktop", required_argument, NULL, 'd' },
		{ "mode", required_argument, NULL, 'm' },
		{ "server", required_argument, NULL, 's' },
		{ "token-file", required_argument, NULL, 't' },
		{ "viewer", required_argument, NULL, 'v' }, { "no-viewer", no_argument, NULL, 'n' },
		{ "listen", optional_argument, NULL, 'l' }, { "help", no_argument, NULL, 'h' },
		{ 0 } };
	struct view view = { .mode = VNC_MODE_ACT, .stop_fd = -1 };
	struct cua_error error = { 0 };
	for (int option; (option = getopt_long(argc, argv, "d:m:s:t:l::h", options, NULL)) != -1;) {
		if (option == 'h') {
			fputs(usage, stdout);
			return CUA_EXIT_OK;
		}
		if (!parse_option(option, &view)) {
			return cua_cmd_usage("view",
					"\"%s\": no such option, or a value out of its bounds",
					argv[optind - 1]);
		}
	}
	if (optind < argc || !view.server_url != !view.token_file) {
		return cua_cmd_usage("view",
				optind < argc ? "\"%s\" is not wanted"
					      : "--server and --token-file go together",
				argv[optind]);
	}
	if (view.listens + view.no_viewer + (view.viewer != NULL) > 1) {
		return cua_cmd_usage("view", "one of --viewer, --no-viewer and --listen alone");
	}
	if (sodium_init() < 0) {
		fputs("cua view: libsodium does not start\n", stderr);
		return CUA_EXIT_FAILED;
	}
	enum cua_status status = begin(&view, &error);
	if (status == CUA_OK) {
		status = serve_one(&view, &error);
	}
	cua_closep(&view.stop_fd);
	sodium_memzero(&view.server, sizeof(view.server));
	if (status == CUA_ERR_CANCELLED) {
		return 130;
	}
	return status == CUA_OK ? CUA_EXIT_OK : cua_cmd_fail(&error);
}
