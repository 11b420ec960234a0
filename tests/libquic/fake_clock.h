/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _TESTS_FAKE_CLOCK_H
#define _TESTS_FAKE_CLOCK_H

void fake_clock_skip(unsigned int seconds);

#endif /* _TESTS_FAKE_CLOCK_H */
