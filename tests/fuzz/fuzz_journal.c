/* A journal that somebody else wrote: everything that reads one takes any bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/cost.h"
#include "agent/follow.h"
#include "agent/journal_read.h"
#include "agent/report.h"
#include "agent/run_print.h"
#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/fuzz/fuzz.h"

static char run_dir[] = "/tmp/cua-fuzz-journal-XXXXXX";
static FILE *nowhere;

static void clean_up(void)
{
	(void)!cua_remove_tree(run_dir, NULL);
}

static int open_run(const uint8_t *data, size_t size)
{
	if (!nowhere) {
		FUZZ_CHECK(mkdtemp(run_dir));
		FUZZ_CHECK((nowhere = fopen("/dev/null", "w")));
		FUZZ_CHECK(atexit(clean_up) == 0);
	}
	const int dir_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CUA_AUTO_FD int fd = openat(
			dir_fd, "events.jsonl", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	return dir_fd;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct agent_journal_scan scan;
	struct agent_journal_verdict verdict;
	struct cua_agent_resumable run = { 0 };
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *events = NULL;
	CUA_AUTO_FD int dir_fd = open_run(data, size);
	FUZZ_CHECK(agent_journal_scan(dir_fd, NULL, NULL, &scan, &why) == CUA_OK);
	FUZZ_CHECK(scan.good_len + scan.rest_len == (int64_t)size);
	FUZZ_CHECK(agent_journal_events(dir_fd, &events, &why) == CUA_OK);
	agent_cost_explain(nowhere, events);
	attach();
	(void)!agent_report_write(dir_fd, &why);
	(void)!agent_journal_verify(dir_fd, "run", NULL, &verdict, &why);
	if (cua_agent_resume_read(run_dir, &run, &why) == CUA_OK) {
		cua_agent_resumable_finish(&run);
	}
	return 0;
}
