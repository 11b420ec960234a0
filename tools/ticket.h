/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What resumes a session, in memory and in a file (--session).  The file is a
 * secret: it is made for its owner alone, and replaced as a whole.
 */
#ifndef TOOLS_TICKET_H
#define TOOLS_TICKET_H

#include <stddef.h>
#include <stdint.h>

#define TICKET_SIZE	16384

struct ticket {
	size_t	len;		/* 0: none */
	uint8_t	data[TICKET_SIZE];
};

/* A file that is not there is no ticket; 0 or a negative errno. */
int ticket_load(struct ticket *t, const char *path);
int ticket_store(const struct ticket *t, const char *path);

/* The ticket of a session after its handshake; the server may take its time. */
int ticket_take(struct ticket *t, void *session);

#endif /* TOOLS_TICKET_H */
