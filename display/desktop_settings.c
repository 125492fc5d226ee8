#include "display/desktop_settings.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

/* Chromium with some tabs and Writer are at home in these. */
#define MEMORY_USUAL ((int64_t)4 << 30)
#define DISK_USUAL ((int64_t)10 << 30)
#define PROCESSES_USUAL 2048
#define OPEN_FILES_USUAL 4096
/* Less, and no desktop starts. */
#define MEMORY_MIN ((int64_t)128 << 20)
#define DISK_MIN ((int64_t)16 << 20)
#define CPUS_MIN 0.05
#define PROCESSES_MIN 64
#define OPEN_FILES_MIN 256

const struct desktop_settings desktop_settings_default = {
	.width_px = 1280, .height_px = 800, .dpi = DESKTOP_DPI_MIN, .sandboxed = true
};

bool desktop_size_is_good(int width_px, int height_px)
{
	return width_px >= 320 && width_px <= 16384 && height_px >= 200 && height_px <= 16384 &&
			(int64_t)width_px * height_px <= 32 << 20;
}

static int or_else(int value, int usual)
{
	return value > 0 ? value : usual;
}

/* A quarter of the machine's memory stays for others. */
static int64_t usual_memory(void)
{
	const int64_t all = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	return all > 0 && all / 4 * 3 < MEMORY_USUAL ? all / 4 * 3 : MEMORY_USUAL;
}

static struct desktop_limits complete_limits(const struct desktop_limits *given)
{
	struct desktop_limits limits = *given;
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	limits.memory_bytes = limits.memory_bytes ? limits.memory_bytes : usual_memory();
	limits.disk_bytes = limits.disk_bytes ? limits.disk_bytes : DISK_USUAL;
	limits.cpus = limits.cpus < 0 || limits.cpus > 0 ? limits.cpus
			: processors > 0                 ? (double)processors
							 : DESKTOP_NO_LIMIT;
	limits.processes = limits.processes ? limits.processes : PROCESSES_USUAL;
	limits.open_files = limits.open_files ? limits.open_files : OPEN_FILES_USUAL;
	return limits;
}

const char *desktop_allowed_names(const struct desktop_settings *settings)
{
	const size_t len = strlen(DESKTOP_NETWORK_ALLOW);
	return strncmp(settings->network, DESKTOP_NETWORK_ALLOW, len) == 0 ? settings->network + len
									   : NULL;
}

const char *desktop_network_name(const struct desktop_settings *settings)
{
	const bool is_open = settings->network[0] ? strcmp(settings->network, "open") == 0
						  : !settings->sandboxed;
	return desktop_allowed_names(settings) ? "allow" : is_open ? "open" : "none";
}

bool desktop_has_gateway(const struct desktop_settings *settings)
{
	return settings->sandboxed && strcmp(desktop_network_name(settings), "open") == 0;
}

struct desktop_settings desktop_settings_complete(const struct desktop_settings *settings)
{
	struct desktop_settings complete = *settings;
	complete.max_width_px = or_else(settings->max_width_px, settings->width_px);
	complete.max_height_px = or_else(settings->max_height_px, settings->height_px);
	complete.dpi = or_else(settings->dpi, DESKTOP_DPI_MIN);
	complete.limits = complete_limits(&settings->limits);
	if (!settings->network[0]) {
		strcpy(complete.network, settings->sandboxed ? "none" : "open");
	}
	return complete;
}

void desktop_settings_to_json(const struct desktop_settings *settings, cJSON *json)
{
	const struct desktop_settings complete = desktop_settings_complete(settings);
	cJSON_AddNumberToObject(json, "width", complete.width_px);
	cJSON_AddNumberToObject(json, "height", complete.height_px);
	cJSON_AddNumberToObject(json, "max_width", complete.max_width_px);
	cJSON_AddNumberToObject(json, "max_height", complete.max_height_px);
	cJSON_AddNumberToObject(json, "dpi", complete.dpi);
	cJSON_AddBoolToObject(json, "sandboxed", complete.sandboxed);
	cJSON_AddBoolToObject(json, "opengl", complete.opengl);
	cJSON_AddStringToObject(json, "network", complete.network);
	cJSON_AddNumberToObject(json, "memory", (double)complete.limits.memory_bytes);
	cJSON_AddNumberToObject(json, "cpus", complete.limits.cpus);
	cJSON_AddNumberToObject(json, "processes", complete.limits.processes);
	cJSON_AddNumberToObject(json, "disk", (double)complete.limits.disk_bytes);
	cJSON_AddNumberToObject(json, "open_files", complete.limits.open_files);
	cJSON_AddStringToObject(json, "workspace", complete.workspace);
}

static void get_int(const cJSON *json, const char *name, int *value)
{
	const cJSON *member = cua_json_member(json, name);
	*value = cJSON_IsNumber(member) ? member->valueint : *value;
}

#define BYTES_MAX ((int64_t)1 << 50)

static void get_bytes(const cJSON *json, const char *name, int64_t *value)
{
	const double number = cua_json_number(json, name);
	*value = number >= DESKTOP_NO_LIMIT && number <= (double)BYTES_MAX ? (int64_t)number : 0;
}

static void get_bool(const cJSON *json, const char *name, bool *value)
{
	const cJSON *member = cua_json_member(json, name);
	*value = cJSON_IsBool(member) ? cJSON_IsTrue(member) : *value;
}

struct desktop_settings desktop_settings_from_json(const cJSON *json)
{
	struct desktop_settings settings = desktop_settings_default;
	get_int(json, "width", &settings.width_px);
	get_int(json, "height", &settings.height_px);
	get_int(json, "max_width", &settings.max_width_px);
	get_int(json, "max_height", &settings.max_height_px);
	get_int(json, "dpi", &settings.dpi);
	get_bool(json, "sandboxed", &settings.sandboxed);
	get_bool(json, "opengl", &settings.opengl);
	snprintf(settings.network, sizeof(settings.network), "%s", cua_json_text(json, "network"));
	get_bytes(json, "memory", &settings.limits.memory_bytes);
	get_bytes(json, "disk", &settings.limits.disk_bytes);
	settings.limits.cpus = cua_json_number(json, "cpus");
	get_int(json, "processes", &settings.limits.processes);
	get_int(json, "open_files", &settings.limits.open_files);
	snprintf(settings.workspace, sizeof(settings.workspace), "%s",
			cua_json_text(json, "workspace"));
	return settings;
}

static enum cua_status check_network(const struct desktop_settings *settings, struct cua_error *err)
{
	char list[EGRESS_LIST_MAX];
	const char *network = settings->network, *names = desktop_allowed_names(settings);
	if (!settings->sandboxed && strcmp(network, "open") != 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"without a sandbox the network of a desktop is open");
	}
	if (names) {
		return egress_list_read(names, list, err);
	}
	return strcmp(network, "none") == 0 || strcmp(network, "open") == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_INVAL, 0,
					  "network \"%.80s\" must be none, open or allow:NAME,...",
					  network);
}

static bool is_under(double value, double min)
{
	return value < min && value > DESKTOP_NO_LIMIT;
}

static enum cua_status check_limits(const struct desktop_limits *limits, struct cua_error *err)
{
	const char *wrong = is_under((double)limits->memory_bytes, (double)MEMORY_MIN)
			? "memory must be 128M or more"
			: is_under((double)limits->disk_bytes, (double)DISK_MIN)
			? "disk must be 16M or more"
			: is_under(limits->cpus, CPUS_MIN) ? "cpus must be 0.05 or more"
			: is_under(limits->processes, PROCESSES_MIN)
			? "processes must be 64 or more"
			: is_under(limits->open_files, OPEN_FILES_MIN)
			? "open-files must be 256 or more"
			: NULL;
	return wrong ? CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s, or none", wrong) : CUA_OK;
}

enum cua_status desktop_settings_check(
		const struct desktop_settings *settings, struct cua_error *err)
{
	const struct desktop_settings all = desktop_settings_complete(settings);
	if (!desktop_size_is_good(all.width_px, all.height_px) ||
			!desktop_size_is_good(all.max_width_px, all.max_height_px)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"no desktop can have %dx%d and at most %dx%d pixels", all.width_px,
				all.height_px, all.max_width_px, all.max_height_px);
	}
	if (all.max_width_px < all.width_px || all.max_height_px < all.height_px) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"max-size %dx%d is less than the size, %dx%d", all.max_width_px,
				all.max_height_px, all.width_px, all.height_px);
	}
	if (all.dpi < DESKTOP_DPI_MIN || all.dpi > DESKTOP_DPI_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "dpi %d must be %d to %d", all.dpi,
				DESKTOP_DPI_MIN, DESKTOP_DPI_MAX);
	}
	if (all.workspace[0] && !all.sandboxed) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"only a desktop in a sandbox can have a workspace elsewhere");
	}
	enum cua_status status = check_network(&all, err);
	return status == CUA_OK ? check_limits(&all.limits, err) : status;
}

bool desktop_settings_equal(const struct desktop_settings *a, const struct desktop_settings *b,
		const char *member)
{
	CUA_AUTO_JSON cJSON *one = cJSON_CreateObject(), *other = cJSON_CreateObject();
	desktop_settings_to_json(a, one);
	desktop_settings_to_json(b, other);
	return member ? cJSON_Compare(cua_json_member(one, member), cua_json_member(other, member),
					true)
		      : cJSON_Compare(one, other, true);
}
