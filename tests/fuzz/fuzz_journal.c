/* A journal that somebody else wrote: everything that reads one takes any bytes. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/cost.h"
#include "agent/follow.h"
#include "agent/journal_read.h"
#include "agent/report_internal.h"
#include "agent/run_internal.h"
#include "agent/run_print.h"
#include "agent/runs.h"
#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/fuzz/fuzz.h"

/* In memory: no disk is waited for. */
static char run_dir[] = "/dev/shm/cua-fuzz-journal-XXXXXX";
static int dir_fd = -1, events_fd = -1;
static FILE *nowhere;

static void clean_up(void)
{
	(void)!cua_remove_tree(run_dir, NULL);
}

/* What is printed is made and goes nowhere, without asking the kernel. */
static ssize_t forget(void *user_data, const char *text, size_t len)
{
	(void)user_data;
	(void)text;
	return (ssize_t)len;
}

static void set_up(void)
{
	FUZZ_CHECK(mkdtemp(run_dir));
	FUZZ_CHECK(atexit(clean_up) == 0);
	dir_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	events_fd = openat(dir_fd, "events.jsonl", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	nowhere = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = forget });
	FUZZ_CHECK(events_fd >= 0 && nowhere);
}

static void write_run(const uint8_t *data, size_t size)
{
	FUZZ_CHECK(ftruncate(events_fd, 0) == 0);
	FUZZ_CHECK(pwrite(events_fd, data, size, 0) == (ssize_t)size);
}

static void print_event(const cJSON *event, void *user_data)
{
	agent_print_event(user_data, event);
}

/* As `cua runs attach` does: nobody writes it, so it ends. */
static void attach(void)
{
	struct agent_printer printer;
	struct cua_error why = { 0 };
	agent_printer_init(&printer, nowhere, false);
	enum cua_status status = agent_follow(run_dir, -1, print_event, &printer, &why);
	FUZZ_CHECK(status == CUA_OK || status == CUA_ERR_CLOSED);
	agent_printer_finish(&printer);
}

/* The page of the report, which is the same wherever it is written. */
static void report(void)
{
	struct report report = { .run_dir_fd = dir_fd };
	struct cua_error why = { 0 };
	FUZZ_CHECK(report_read(&report, &why) == CUA_OK);
	FUZZ_CHECK(report_put_page(nowhere, &report, &why) == CUA_OK);
	report_finish(&report);
}

/* Any event may be the last. */
static void print_ends(const cJSON *events)
{
	struct agent_printer printer;
	const cJSON *event = NULL;
	agent_printer_init(&printer, nowhere, false);
	cJSON_ArrayForEach (event, events) {
		agent_print_end(&printer, event, run_dir, nowhere);
	}
	agent_printer_finish(&printer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct agent_journal_scan scan;
	struct agent_journal_verdict verdict;
	struct agent_run_summary summary;
	struct cua_agent_resumable run = { 0 };
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *events = NULL;
	if (dir_fd < 0) {
		set_up();
	}
	write_run(data, size);
	FUZZ_CHECK(agent_journal_scan(dir_fd, NULL, NULL, &scan, &why) == CUA_OK);
	FUZZ_CHECK(scan.good_len + scan.rest_len == (int64_t)size);
	FUZZ_CHECK(agent_journal_events(dir_fd, &events, &why) == CUA_OK);
	FUZZ_CHECK(agent_run_summarise(run_dir, &summary, &why) == CUA_OK);
	agent_run_summary_finish(&summary);
	agent_cost_explain(nowhere, events);
	attach();
	report();
	print_ends(events);
	(void)!agent_journal_verify(dir_fd, "run", NULL, &verdict, &why);
	(void)!run_resumable(events, &run, &why);
	cua_agent_resumable_finish(&run);
	return 0;
}
