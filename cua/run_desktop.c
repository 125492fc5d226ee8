#include "cua/run_desktop.h"

#include <stdio.h>
#include <string.h>

#include "cua/desktop_options.h"

static enum cua_status start(const char *name, const struct cua_desktop_options *given,
		struct desktop_record *record, struct cua_error *err)
{
	bool attached = false;
	struct cua_desktop_options options = *given;
	options.name = name;
	options.refills_later = true;
	enum cua_status status = cua_desktop_start(&options, record, &attached, err);
	if (status == CUA_OK) {
		cua_desktop_options_warn("cua run", record);
	}
	return status;
}

static enum cua_status attach(struct desktop_record *record, struct cua_error *err)
{
	bool attached = false; /* a dead one says so by itself */
	enum cua_status status = cua_desktop_attach(record, &attached, err);
	if (status == CUA_OK && attached) {
		cua_desktop_options_warn("cua run", record);
	}
	return status;
}

static bool is_of(const struct desktop_record *record, const struct cua_agent_resumable *resumed)
{
	return resumed && strcmp(record->name, resumed->desktop) == 0 &&
			record->created_s == resumed->desktop_created_s;
}

/* The desktop that the run had; *ret_found false if there is none to go on with. One that lives and
 * cannot be had now is an error: what the run has done is there, and another knows nothing of it.
 */
static enum cua_status find_again(const struct cua_agent_resumable *resumed,
		struct run_desktop *desktop, bool *ret_found, struct cua_error *err)
{
	struct desktop_record *record = &desktop->record;
	struct cua_error why = { 0 };
	*ret_found = false;
	if (cua_desktop_find(resumed->desktop, record, &why) == CUA_OK && is_of(record, resumed)) {
		enum cua_status status = desktop_is_dead(record) ? CUA_OK : attach(record, err);
		if (!desktop_is_dead(record)) {
			*ret_found = true;
			desktop->is_own = resumed->desktop_is_own;
			if (status != CUA_OK) {
				cua_error_prefix(err, "the run's desktop %s gets no host",
						resumed->desktop);
			}
			return status;
		}
		char end[DESKTOP_END_SIZE];
		cua_desktop_why_dead(record, end);
		cua_error_set(&why, CUA_ERR_CLOSED, 0, "%s; clean up with: cua desktop stop %s",
				end, record->name);
	} else if (!why.msg[0]) {
		cua_error_set(&why, CUA_ERR_NOT_FOUND, 0, "the one of that name is another");
	}
	fprintf(stderr,
			"cua run: the run's desktop %s is gone (%s); the run goes on on a new "
			"one\n",
			resumed->desktop, why.msg);
	return CUA_OK;
}

/* With the settings that the run had on the last one. */
static enum cua_status start_next(const struct cua_agent_resumable *resumed,
		struct desktop_record *record, struct cua_error *err)
{
	const struct cua_desktop_options options = { .settings = desktop_settings_from_json(
								     resumed->desktop_settings) };
	enum cua_status status = desktop_settings_check(&options.settings, err);
	if (status != CUA_OK) {
		cua_error_prefix(err, "the journal has damaged settings of a desktop");
		return status;
	}
	return start(NULL, &options, record, err);
}

static enum cua_status choose(const char *wanted, const struct cua_desktop_options *options,
		const struct cua_agent_resumable *resumed, struct run_desktop *desktop,
		struct cua_error *err)
{
	if (wanted) {
		enum cua_status status = cua_desktop_find(wanted, &desktop->record, err);
		desktop->is_new = !is_of(&desktop->record, resumed);
		return status == CUA_OK ? attach(&desktop->record, err) : status;
	}
	bool is_found = false;
	enum cua_status status = resumed ? find_again(resumed, desktop, &is_found, err) : CUA_OK;
	if (is_found) {
		return status;
	}
	desktop->is_own = desktop->is_new = true;
	return resumed ? start_next(resumed, &desktop->record, err)
		       : start(NULL, options, &desktop->record, err);
}

enum cua_status run_desktop_open(const char *wanted, const struct cua_desktop_options *options,
		const struct cua_agent_resumable *resumed, struct run_desktop *ret_desktop,
		struct cua_error *err)
{
	*ret_desktop = (struct run_desktop){ 0 };
	enum cua_status status = choose(wanted, options, resumed, ret_desktop, err);
	desktop_path(&ret_desktop->record, "api.sock", ret_desktop->socket_path,
			sizeof(ret_desktop->socket_path));
	return status;
}

void run_desktop_close(
		const struct run_desktop *desktop, bool keep, const struct cua_agent_result *result)
{
	const char *name = desktop->record.name;
	struct cua_error why = { 0 };
	if (!desktop->is_own || keep) {
		return;
	}
	if (result->outcome == CUA_AGENT_DESKTOP_ERROR && !cua_desktop_has_host(&desktop->record) &&
			!desktop_is_dead(&desktop->record)) {
		fprintf(stderr,
				"cua run: the host of desktop %s is gone, its applications are "
				"not: "
				"cua run --resume %s goes on there, cua desktop stop %s ends it\n",
				name, result->run_dir ? strrchr(result->run_dir, '/') + 1 : "RUN",
				name);
	} else if (cua_desktop_stop_by_name(name, &why) != CUA_OK &&
			why.status != CUA_ERR_NOT_FOUND) {
		fprintf(stderr, "cua run: the desktop %s was not stopped: %s\n", name, why.msg);
	}
}
