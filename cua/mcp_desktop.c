#include "cua/mcp_desktop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/desktop_options.h"

/* Those of others like this one are theirs, and not "the only one there is". */
#define OWN_PREFIX "mcp-"
#define NAME_MAX_LEN 63

struct mcp_desktop {
	const char *wanted; /* NULL: none */
	const struct cua_desktop_options *options;
	bool keep;
	pthread_mutex_t mutex;       /* of what follows: calls come from several threads */
	char name[NAME_MAX_LEN + 1]; /* that is used; "": it is not known yet */
	char own[NAME_MAX_LEN + 1];  /* that nobody else has, so that the guard may stop it */
	bool is_guarded;
	int guard_fd; /* to the guard; -1: there is none */
	pid_t guard;
};

/* --- the guard --- */

static void to_null(int fd)
{
	CUA_AUTO_FD int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd >= 0) {
		dup2(null_fd, fd);
	}
}

/* The process that stops the desktop when nobody holds the other end of the pipe any more, however
 * that came. It is told the name before there is a desktop of it. */
static void guard(int fd)
{
	char name[NAME_MAX_LEN + 1];
	struct cua_error why = { 0 };
	size_t len = 0;
	ssize_t got = 0;
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	to_null(STDIN_FILENO);
	to_null(STDOUT_FILENO);
	while (len < NAME_MAX_LEN && (got = read(fd, name + len, NAME_MAX_LEN - len)) != 0) {
		len += got > 0 ? (size_t)got : 0;
		if (got < 0 && errno != EINTR) {
			break;
		}
	}
	name[len] = '\0';
	if (len > 0 && cua_desktop_stop_by_name(name, &why) != CUA_OK &&
			why.status != CUA_ERR_NOT_FOUND) {
		fprintf(stderr, "cua mcp: the desktop %s was not stopped: %s\n", name, why.msg);
		_exit(1);
	}
	_exit(0);
}

static enum cua_status start_guard(struct mcp_desktop *desktop, struct cua_error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	desktop->guard = fork();
	if (desktop->guard == 0) {
		close(ends[1]);
		guard(ends[0]);
	}
	close(ends[0]);
	if (desktop->guard < 0) {
		close(ends[1]);
		return CUA_FAIL(err, CUA_ERR_IO, errno, "fork");
	}
	desktop->guard_fd = ends[1];
	return CUA_OK;
}

/* --- life --- */

static enum cua_status make_name(char name[NAME_MAX_LEN + 1], struct cua_error *err)
{
	uint32_t number = 0;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "getrandom");
	}
	snprintf(name, NAME_MAX_LEN + 1, OWN_PREFIX "%d-%08x", (int)getpid(), number);
	return CUA_OK;
}

enum cua_status mcp_desktop_create(const char *name, const struct cua_desktop_options *options,
		bool keep, struct mcp_desktop **ret_desktop, struct cua_error *err)
{
	struct mcp_desktop *desktop = calloc(1, sizeof(*desktop));
	if (!desktop) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "desktop");
	}
	*desktop = (struct mcp_desktop){
		.wanted = name, .options = options, .keep = keep, .guard_fd = -1
	};
	enum cua_status status = make_name(desktop->own, err);
	if (status == CUA_OK && !name && !keep) {
		status = start_guard(desktop, err);
	}
	if (status != CUA_OK) {
		free(desktop);
		return status;
	}
	pthread_mutex_init(&desktop->mutex, NULL);
	*ret_desktop = desktop;
	return CUA_OK;
}

void mcp_desktop_destroy(struct mcp_desktop *desktop)
{
	if (!desktop) {
		return;
	}
	if (desktop->guard_fd >= 0) {
		close(desktop->guard_fd);
		while (waitpid(desktop->guard, NULL, 0) < 0 && errno == EINTR) {
		}
	}
	pthread_mutex_destroy(&desktop->mutex);
	free(desktop);
}

/* --- which one --- */

/* The only one that is nobody's in particular; "" if there is none. */
static enum cua_status find_only(char name[NAME_MAX_LEN + 1], struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *list = cua_desktop_list(err);
	const cJSON *item = NULL;
	int count = 0;
	name[0] = '\0';
	if (!list) {
		return err->status;
	}
	cJSON_ArrayForEach (item, list) {
		const char *one = cua_json_text(item, "name");
		const char *state = cua_json_text(item, "state");
		if (strcmp(state, "spare") != 0 && strcmp(state, "dead") != 0 &&
				strncmp(one, OWN_PREFIX, strlen(OWN_PREFIX)) != 0) {
			snprintf(name, NAME_MAX_LEN + 1, "%s", one);
			count++;
		}
	}
	return count <= 1
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_INVAL, 0,
					  "there are %d desktops: cua mcp needs --desktop=NAME to "
					  "know which one to use (cua desktop list)",
					  count);
}

/* The guard has to know before there is one. */
static enum cua_status tell_guard(struct mcp_desktop *desktop, struct cua_error *err)
{
	if (desktop->is_guarded || desktop->keep) {
		return CUA_OK;
	}
	if (write(desktop->guard_fd, desktop->own, strlen(desktop->own)) < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "the guard of the desktop");
	}
	desktop->is_guarded = true;
	return CUA_OK;
}

static enum cua_status start_own(
		struct mcp_desktop *desktop, struct desktop_record *record, struct cua_error *err)
{
	struct cua_desktop_options options = *desktop->options;
	bool attached = false;
	options.name = desktop->own;
	enum cua_status status = tell_guard(desktop, err);
	if (status == CUA_OK) {
		status = cua_desktop_start(&options, record, &attached, err);
	}
	if (status == CUA_OK) {
		cua_desktop_options_warn("cua mcp", record);
		fprintf(stderr, "cua mcp: desktop %s, %s\n", desktop->own,
				desktop->keep ? "which stays" : "stopped at the end");
	}
	return status;
}

/* What is left of one that died makes room for the next. */
static enum cua_status has_ended(struct mcp_desktop *desktop, const struct desktop_record *record,
		struct cua_error *err)
{
	char name[NAME_MAX_LEN + 1], why[DESKTOP_END_SIZE] = "it was stopped";
	if (record) {
		cua_desktop_why_dead(record, why);
	}
	snprintf(name, sizeof(name), "%s", desktop->name);
	desktop->name[0] = '\0';
	if (strcmp(name, desktop->own) == 0) {
		(void)!cua_desktop_stop_by_name(name, NULL);
	}
	return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
			"desktop %s has ended, and all that ran on it (%s): the next call takes "
			"another one, or starts it",
			name, why);
}

static enum cua_status use(const char *name, struct desktop_record *record, struct cua_error *err)
{
	bool attached = false;
	enum cua_status status = cua_desktop_find(name, record, err);
	return status == CUA_OK ? cua_desktop_attach(record, &attached, err) : status;
}

static enum cua_status choose(
		struct mcp_desktop *desktop, struct desktop_record *record, struct cua_error *err)
{
	if (desktop->wanted) {
		return use(desktop->wanted, record, err);
	}
	const bool is_known = desktop->name[0] != '\0';
	enum cua_status status = is_known ? CUA_OK : find_only(desktop->name, err);
	if (status != CUA_OK) {
		return status;
	}
	if (!desktop->name[0]) {
		return start_own(desktop, record, err);
	}
	status = use(desktop->name, record, err);
	if (is_known && status == CUA_ERR_NOT_FOUND) {
		return has_ended(desktop, NULL, err);
	}
	return is_known && status == CUA_OK && desktop_is_dead(record)
			? has_ended(desktop, record, err)
			: status;
}

enum cua_status mcp_desktop_open(const char *wanted, struct mcp_serve_desktop *ret_desktop,
		void *user_data, struct cua_error *err)
{
	struct mcp_desktop *desktop = user_data;
	struct desktop_record record = { 0 };
	(void)wanted; /* it is the user's word, and not the model's, which one */
	pthread_mutex_lock(&desktop->mutex);
	enum cua_status status = choose(desktop, &record, err);
	if (status == CUA_OK) {
		snprintf(desktop->name, sizeof(desktop->name), "%s", record.name);
		snprintf(ret_desktop->name, sizeof(ret_desktop->name), "%s", record.name);
		desktop_path(&record, "api.sock", ret_desktop->socket_path,
				sizeof(ret_desktop->socket_path));
	}
	pthread_mutex_unlock(&desktop->mutex);
	return status;
}
