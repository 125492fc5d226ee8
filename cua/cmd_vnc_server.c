#include "display/vnc/vnc.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "cua/base/util.h"

static const char usage[] =
		"usage: cua vnc-server --link-fd N --listen-fd N [--pass-fd N] [--name NAME]\n"
		"\n"
		"Shows a desktop to VNC viewers. Started by the desktop host, which "
		"holds the other\n"
		"end of the link and the sockets that viewers connect to; it has no use "
		"without.\n";

/* False if text is not a number of a descriptor. */
static bool parse_fd(const char *text, int *ret_fd)
{
	char *end;
	errno = 0;
	long value = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < 0 || value > INT_MAX) {
		return false;
	}
	*ret_fd = (int)value;
	return true;
}

int cua_cmd_vnc_server(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "link-fd", required_argument, NULL, 'l' },
		{ "listen-fd", required_argument, NULL, 's' },
		{ "pass-fd", required_argument, NULL, 'p' },
		{ "name", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct vnc_server_options options = {
		.link_fd = -1, .listen_fd = -1, .pass_fd = -1, .desktop = "cua"
	};
	bool fine = true;
	int option;
	optind = 0; /* the program has parsed arguments before */
	while (fine && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'l':
			fine = parse_fd(optarg, &options.link_fd);
			break;
		case 's':
			fine = parse_fd(optarg, &options.listen_fd);
			break;
		case 'p':
			fine = parse_fd(optarg, &options.pass_fd);
			break;
		case 'n':
			options.desktop = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fine = false;
			break;
		}
	}
	if (!fine || optind < argc || options.link_fd < 0 || options.listen_fd < 0) {
		fputs(usage, stderr);
		return 2;
	}
	struct cua_error err = { 0 };
	if (vnc_server_run(&options, &err) != CUA_OK) {
		fprintf(stderr, "cua vnc-server: %s\n", err.msg);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
