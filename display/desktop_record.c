#include "display/desktop_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

enum cua_status desktop_name_check(const char *name, struct cua_error *err)
{
	const size_t len = strlen(name);
	const size_t good = strspn(name,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			"0123456789._-");
	if (len == 0 || len > DESKTOP_NAME_MAX || good != len || name[0] == '.') {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"\"%.60s\" cannot name a desktop; use 1 to %d letters, digits, "
				"'.', "
				"'_' or '-', no dot in front",
				name, DESKTOP_NAME_MAX);
	}
	return CUA_OK;
}

enum cua_status desktops_dir(char *path, size_t size, struct cua_error *err)
{
	enum cua_status status = cua_runtime_dir(path, size, err);
	if (status != CUA_OK) {
		return status;
	}
	const size_t len = strlen(path);
	snprintf(path + len, size - len, "/desktops");
	return cua_make_dirs(path, geteuid() == 0 ? 0711 : 0700, err);
}

void desktop_path(const struct desktop_record *record, const char *leaf, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", record->dir, leaf);
}

/* --- network --- */

bool desktop_egress_is_running(const struct desktop_record *record)
{
	CUA_AUTO_FD int pidfd = cua_process_open(record->egress);
	return pidfd >= 0;
}

bool desktop_network_is_up(const struct desktop_record *record)
{
	const bool is_bridged = desktop_allowed_names(&record->settings) ||
			desktop_has_gateway(&record->settings);
	return !is_bridged || desktop_egress_is_running(record);
}

void desktop_network_describe(const struct desktop_record *record, cJSON *json)
{
	const char *names = desktop_allowed_names(&record->settings);
	const char *state = desktop_egress_is_running(record) ? "running" : "ended";
	cJSON_AddStringToObject(json, "network", desktop_network_name(&record->settings));
	if (desktop_has_gateway(&record->settings)) {
		cJSON_AddStringToObject(json, "gateway", state);
	}
	if (!names) {
		return;
	}
	cJSON_AddStringToObject(json, "proxy", state);
	cJSON *list = cJSON_AddArrayToObject(json, "names");
	for (const char *at = names; *at;) {
		char name[EGRESS_RULE_MAX];
		const size_t len = strcspn(at, ",");
		snprintf(name, sizeof(name), "%.*s", (int)len, at);
		cJSON_AddItemToArray(list, cJSON_CreateString(name));
		at += len + (at[len] == ',');
	}
}

/* --- JSON --- */

static void add_process(cJSON *json, const char *name, struct cua_process_id id)
{
	if (id.pid > 0) {
		cJSON *object = cJSON_AddObjectToObject(json, name);
		cJSON_AddNumberToObject(object, "pid", id.pid);
		cJSON_AddNumberToObject(object, "start_ticks", (double)id.start_ticks);
	}
}

static struct cua_process_id get_process(const cJSON *json, const char *name)
{
	const cJSON *object = cJSON_GetObjectItemCaseSensitive(json, name);
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(object, "pid");
	const cJSON *ticks = cJSON_GetObjectItemCaseSensitive(object, "start_ticks");
	struct cua_process_id id = { 0 };
	if (cJSON_IsNumber(pid) && cJSON_IsNumber(ticks)) {
		id.pid = (pid_t)pid->valuedouble;
		id.start_ticks = (uint64_t)ticks->valuedouble;
	}
	return id;
}

static void get_text(const cJSON *json, const char *name, char *text, size_t size)
{
	snprintf(text, size, "%s", cua_json_text(json, name));
}

static const char *const group_names[CUA_CGROUP_KINDS] = { "memory_group", "pids_group",
	"cpu_group" };

static void record_from_json(const cJSON *json, struct desktop_record *record)
{
	get_text(json, "home", record->home, sizeof(record->home));
	get_text(json, "x11_socket", record->x11_socket, sizeof(record->x11_socket));
	record->settings = desktop_settings_from_json(json);
	record->spare = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "spare"));
	get_text(json, "mark", record->mark, sizeof(record->mark));
	record->uid = (uid_t)cua_json_int(json, "uid");
	const cJSON *created = cJSON_GetObjectItemCaseSensitive(json, "created");
	record->created_s = cJSON_IsNumber(created) ? (int64_t)created->valuedouble : 0;
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		get_text(json, group_names[kind], record->cgroup.dirs[kind], CUA_CGROUP_DIR_MAX);
	}
	record->has_disk = cJSON_IsTrue(cua_json_member(json, "has_disk"));
	get_text(json, "limits_note", record->limits_note, sizeof(record->limits_note));
	record->bwrap = get_process(json, "bwrap");
	record->session = get_process(json, "session");
	record->host = get_process(json, "host");
	record->vnc = get_process(json, "vnc");
	record->egress = get_process(json, "egress");
}

/* What is written in its folder; false if that is nothing. */
static bool read_file(struct desktop_record *record)
{
	char path[CUA_PATH_MAX + 16];
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 65536);
	desktop_path(record, "desktop.json", path, sizeof(path));
	if (cua_file_read(path, &text, NULL) != CUA_OK || text.len == 0) {
		return false;
	}
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(text.data);
	record_from_json(json, record);
	return json != NULL;
}

enum cua_status desktop_record_read(
		const char *name, struct desktop_record *ret_record, struct cua_error *err)
{
	enum cua_status status = desktop_name_check(name, err);
	struct desktop_record record = { 0 };
	char all[CUA_PATH_MAX - DESKTOP_NAME_MAX - 2];
	if (status == CUA_OK) {
		status = desktops_dir(all, sizeof(all), err);
	}
	if (status != CUA_OK) {
		return status;
	}
	snprintf(record.name, sizeof(record.name), "%s", name);
	snprintf(record.dir, sizeof(record.dir), "%s/%s", all, name);
	if (access(record.dir, F_OK) != 0) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
				"no desktop \"%s\"; see cua desktop list", name);
	}
	(void)read_file(&record);
	*ret_record = record;
	return CUA_OK;
}

enum cua_status desktop_record_write(const struct desktop_record *record, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 16];
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "name", record->name);
	cJSON_AddNumberToObject(json, "created", (double)record->created_s);
	desktop_settings_to_json(&record->settings, json);
	cJSON_AddBoolToObject(json, "spare", record->spare);
	cJSON_AddStringToObject(json, "mark", record->mark);
	cJSON_AddNumberToObject(json, "uid", record->uid);
	cJSON_AddStringToObject(json, "home", record->home);
	cJSON_AddStringToObject(json, "x11_socket", record->x11_socket);
	for (int kind = 0; kind < CUA_CGROUP_KINDS; kind++) {
		cJSON_AddStringToObject(json, group_names[kind], record->cgroup.dirs[kind]);
	}
	cJSON_AddBoolToObject(json, "has_disk", record->has_disk);
	cJSON_AddStringToObject(json, "limits_note", record->limits_note);
	add_process(json, "bwrap", record->bwrap);
	add_process(json, "session", record->session);
	add_process(json, "host", record->host);
	add_process(json, "vnc", record->vnc);
	add_process(json, "egress", record->egress);
	CUA_AUTO_FREE char *text = cJSON_Print(json);
	if (!text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "desktop record");
	}
	desktop_path(record, "desktop.json", path, sizeof(path));
	return cua_file_write(path, text, strlen(text), 0600, err);
}

/* --- two that write --- */

static void take_host(struct desktop_record *record, const struct desktop_record *written)
{
	record->host = written->host;
	record->vnc = written->vnc;
	record->settings.width_px = written->settings.width_px;
	record->settings.height_px = written->settings.height_px;
}

static void take_network(struct desktop_record *record, const struct desktop_record *written)
{
	record->egress = written->egress;
}

/* With a lock for as long as reading and writing take; that of the folder is the host's. */
static enum cua_status write_beside(struct desktop_record *record,
		void (*take)(struct desktop_record *, const struct desktop_record *),
		struct cua_error *err)
{
	struct desktop_record written = *record;
	char path[CUA_PATH_MAX + 16];
	desktop_path(record, "desktop.lock", path, sizeof(path));
	CUA_AUTO_FD int lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock_fd < 0 || flock(lock_fd, LOCK_EX) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	if (read_file(&written)) {
		take(record, &written);
	}
	return desktop_record_write(record, err);
}

enum cua_status desktop_record_write_host(struct desktop_record *record, struct cua_error *err)
{
	return write_beside(record, take_network, err);
}

enum cua_status desktop_record_write_network(struct desktop_record *record, struct cua_error *err)
{
	return write_beside(record, take_host, err);
}

void desktop_record_refresh_network(struct desktop_record *record)
{
	struct desktop_record written = *record;
	if (read_file(&written)) {
		take_network(record, &written);
	}
}
