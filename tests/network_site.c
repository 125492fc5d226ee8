#include "tests/network_site.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/process.h"
#include "cua/base/util.h"
#include "tests/files.h"

static void start_servers(struct network_site *site)
{
	int in[2], out[2];
	char line[64] = "";
	const char *folder = world_path(site->world, "site");
	const char *const argv[] = { "python3", CUA_TEST_SITE, folder, NULL };
	assert_int_equal(mkdir(folder, 0755), 0);
	assert_true(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	const struct cua_fd_map fds[] = { { in[0], 0 }, { out[1], 1 } };
	const struct cua_spawn spawn = {
		.argv = argv, .exec_fd = -1, .fds = fds, .fd_count = 2, .uid = (uid_t)-1
	};
	assert_int_equal(cua_spawn(&spawn, &site->pid, NULL), CUA_OK);
	close(in[0]);
	close(out[1]);
	site->in = in[1];
	FILE *ports = fdopen(out[0], "r");
	assert_true(ports && fgets(line, sizeof(line), ports));
	fclose(ports);
	assert_int_equal(sscanf(line, "%d %d", &site->port, &site->tls_port), 2);
}

/* The program that is shipped knows nobody on this machine. */
static void replace_proxy(const struct network_site *site)
{
	char names[256];
	snprintf(names, sizeof(names),
			"allowed.test 80 %d\nallowed.test 443 %d\nb.wild.test 80 %d\n"
			"b.wild.test 443 %d\n",
			site->port, site->tls_port, site->port, site->tls_port);
	const char *program = world_path(site->world, "cua-egress");
	assert_int_equal(unlink(program), 0);
	copy_program(CUA_TEST_SEAMED_EGRESS, program);
	assert_int_equal(cua_file_write(world_path(site->world, "egress-names"), names,
					 strlen(names), 0644, NULL),
			CUA_OK);
}

void network_site_start(struct network_site *site, const struct world *world)
{
	*site = (struct network_site){ .world = world };
	start_servers(site);
	replace_proxy(site);
}

void network_site_stop(const struct network_site *site)
{
	close(site->in);
	waitpid(site->pid, NULL, 0);
}

void network_site_give_certificate(const struct network_site *site, const struct desktop *to)
{
	char path[512];
	size_t len = 0;
	CUA_AUTO_FREE char *text = read_whole_file(world_path(site->world, "site/ca.crt"), &len);
	assert_non_null(text);
	snprintf(path, sizeof(path), "%s/ca.crt", to->home);
	assert_int_equal(cua_file_write(path, text, len, 0644, NULL), CUA_OK);
}
