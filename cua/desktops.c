#include "cua/desktops.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "display/desktop_limits.h"

void cua_desktop_why_dead(const struct desktop_record *record, char text[DESKTOP_END_SIZE])
{
	desktop_end_read(record, text);
	if (!text[0]) {
		snprintf(text, DESKTOP_END_SIZE, "%s",
				record->x11_socket[0] ? "its X server or its session is gone"
						      : "it is starting, or its start was cut off");
	}
}

bool cua_desktop_has_host(const struct desktop_record *record)
{
	char api[CUA_PATH_MAX + 16];
	desktop_path(record, "api.sock", api, sizeof(api));
	return cua_unix_is_alive(api, SOCK_STREAM);
}

/* Two may give it a host at once: it has one then, whoever was first. */
enum cua_status cua_desktop_attach(
		struct desktop_record *record, bool *ret_attached, struct cua_error *err)
{
	const struct cua_desktop_options as_it_is = { .name = record->name,
		.settings = record->settings };
	struct desktop_record attached = { 0 };
	*ret_attached = false;
	if (cua_desktop_has_host(record) || desktop_is_dead(record)) {
		return CUA_OK;
	}
	enum cua_status status = cua_desktop_start(&as_it_is, &attached, ret_attached, err);
	if (status == CUA_OK) {
		*record = attached;
	}
	return status == CUA_ERR_EXISTS && cua_desktop_has_host(record) ? CUA_OK : status;
}

const char *cua_desktop_state(const struct desktop_record *record)
{
	if (desktop_is_dead(record)) {
		return "dead";
	}
	if (record->spare) {
		return "spare";
	}
	return cua_desktop_has_host(record) ? "running" : "detached";
}

static cJSON *desktop_describe(const struct desktop_record *record)
{
	cJSON *json = cJSON_CreateObject();
	char socket_path[CUA_PATH_MAX + 16];
	desktop_path(record, "api.sock", socket_path, sizeof(socket_path));
	cJSON_AddStringToObject(json, "name", record->name);
	const char *state = cua_desktop_state(record);
	char why[DESKTOP_END_SIZE];
	cJSON_AddStringToObject(json, "state", state);
	if (strcmp(state, "dead") == 0) {
		cua_desktop_why_dead(record, why);
		cJSON_AddStringToObject(json, "why", why);
	}
	cJSON_AddNumberToObject(json, "width", record->settings.width_px);
	cJSON_AddNumberToObject(json, "height", record->settings.height_px);
	cJSON_AddStringToObject(json, "sandbox", record->settings.sandboxed ? "bwrap" : "none");
	desktop_network_describe(record, json);
	cJSON_AddNumberToObject(json, "created", (double)record->created_s);
	cJSON_AddStringToObject(json, "socket", socket_path);
	cJSON_AddStringToObject(json, "home", record->home);
	cJSON_AddItemToObject(json, "limits", desktop_limits_describe(record));
	return json;
}

static int is_name(const struct dirent *entry)
{
	return desktop_name_check(entry->d_name, NULL) == CUA_OK;
}

enum cua_status cua_desktop_records(
		struct desktop_record **ret_records, int *ret_count, struct cua_error *err)
{
	char all[CUA_PATH_MAX];
	struct dirent **entries = NULL;
	enum cua_status status = desktops_dir(all, sizeof(all), err);
	if (status != CUA_OK) {
		return status;
	}
	const int count = scandir(all, &entries, is_name, alphasort);
	if (count < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", all);
	}
	struct desktop_record *records = calloc((size_t)count + 1, sizeof(*records));
	int found = 0;
	for (int i = 0; i < count; i++) {
		found += records &&
				desktop_record_read(entries[i]->d_name, &records[found], NULL) ==
						CUA_OK;
		free(entries[i]);
	}
	free(entries);
	if (!records) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "desktops");
	}
	*ret_records = records;
	*ret_count = found;
	return CUA_OK;
}

cJSON *cua_desktop_list(struct cua_error *err)
{
	CUA_AUTO_FREE struct desktop_record *records = NULL;
	int count = 0;
	if (cua_desktop_records(&records, &count, err) != CUA_OK) {
		return NULL;
	}
	cJSON *list = cJSON_CreateArray();
	for (int i = 0; i < count; i++) {
		cJSON_AddItemToArray(list, desktop_describe(&records[i]));
	}
	return list;
}

static enum cua_status find_named(
		const char *name, struct desktop_record *ret_record, struct cua_error *err)
{
	enum cua_status status = desktop_record_read(name, ret_record, err);
	if (status == CUA_OK && ret_record->spare) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
				"\"%s\" is a spare desktop of the pool; cua desktop start takes it",
				name);
	}
	return status;
}

enum cua_status cua_desktop_find(
		const char *name, struct desktop_record *ret_record, struct cua_error *err)
{
	if (name) {
		return find_named(name, ret_record, err);
	}
	CUA_AUTO_FREE struct desktop_record *records = NULL;
	int count = 0, found = 0;
	enum cua_status status = cua_desktop_records(&records, &count, err);
	if (status != CUA_OK) {
		return status;
	}
	for (int i = 0; i < count; i++) {
		if (!records[i].spare) {
			found++;
			*ret_record = records[i];
		}
	}
	if (found == 0) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
				"no desktop is running; start one with: cua desktop start");
	}
	return found == 1 ? CUA_OK
			  : CUA_FAIL(err, CUA_ERR_INVAL, 0,
					    "there are %d desktops; choose one with -d NAME (cua "
					    "desktop list)",
					    found);
}
