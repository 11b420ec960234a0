// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replies without a connection: Version Negotiation (RFC 9000 §6.1), stateless
 * resets (§10.3), Retry (§8.1.2), and Initial packets under keys that are the
 * client's to know: an ACK, or the close of what never was.  None costs memory
 * that stays; those that a stranger can ask for are limited in rate (reply_rate).
 * Callers: stray, request; process context.
 */
#include "core/frame.h"
#include "stray.h"

#define RESET_LEN_MAX		42	/* like a small packet, RFC 9000 §10.3 */
#define CLOSE_MAX		32	/* a CONNECTION_CLOSE without a phrase */

static bool may_reply(const struct quic_udp *udp)
{
	struct ratelimit_state *rs = &udp->qn->reply_limit;

	WRITE_ONCE(rs->burst, READ_ONCE(quic_stray_limits(udp)->reply_rate));	/* 0: never */
	return __ratelimit(rs);
}

void quic_reply_vn(const struct quic_stray *d)
{
	u32 versions[] = { QUIC_VERSION_V1, QUIC_VERSION_V2, 0 };
	struct quic_wr w;
	u8 *buf;

	/* RFC 9000 §6.1: not for small datagrams; §5.2.2: SHOULD limit the rate */
	if (d->len < QUIC_INITIAL_MIN || !d->udp->nlisteners || !may_reply(d->udp)) {
		quic_stray_count(d->udp, QUIC_MIB_DROP_UNKNOWN);
		return;
	}
	buf = kmalloc(QUIC_REPLY_MAX, GFP_KERNEL);
	if (!buf)
		return;
	/* RFC 9000 §6.3, §15: a version reserved to keep clients used to them */
	versions[2] = (get_random_u32() & 0xf0f0f0f0) | 0x0a0a0a0a;
	quic_wr_init(&w, buf, QUIC_REPLY_MAX);
	quic_hdr_put_vn(&w, &d->h.scid_raw, &d->h.dcid_raw, versions, ARRAY_SIZE(versions),
			get_random_u32());
	if (!w.bad) {
		quic_output_raw(d->udp, &d->local, &d->remote, buf, w.p - buf);
		quic_stray_count(d->udp, QUIC_MIB_VN_OUT);
	}
	kfree(buf);
}

/* RFC 9000 §10.3 */
void quic_reply_reset(const struct quic_stray *d)
{
	u8 buf[RESET_LEN_MAX];
	/* §10.3.3: smaller than what triggers it, so that two endpoints do not loop */
	u32 len = min_t(u32, d->len - 1, sizeof(buf));

	if (len < QUIC_RESET_MIN || !may_reply(d->udp)) {
		quic_stray_count(d->udp, QUIC_MIB_DROP_UNKNOWN);
		return;
	}
	get_random_bytes(buf, len);
	buf[0] = (buf[0] & ~QUIC_HDR_LONG) | QUIC_HDR_FIXED;
	if (quic_token_reset(&quic_kernel_crypto, d->udp->qn->reset_key, &d->h.dcid,
			     buf + len - QUIC_RESET_TOKEN_LEN))
		return;
	quic_output_raw(d->udp, &d->local, &d->remote, buf, len);
	quic_stray_count(d->udp, QUIC_MIB_RESET_OUT);
}

u32 quic_reply_initial(const struct quic_stray *d, struct quic_keys *keys,
		       const struct quic_cid *scid, u64 pn, struct quic_vec *plain)
{
	const struct quic_hdr *h = &d->h;
	u32 size = 2 * QUIC_REPLY_MAX, hdr_len;
	struct quic_wr w;
	u8 *buf, *length;
	int len;

	buf = kmalloc(size, GFP_KERNEL);
	if (!buf)
		return 0;
	quic_wr_init(&w, buf, size);
	quic_hdr_put_long(&w, QUIC_PKT_INITIAL, h->version, &h->scid, scid, NULL, 0, pn, 2, &length);
	hdr_len = w.p - buf;
	quic_hdr_set_length(length, 2 + plain->len + QUIC_TAG_LEN);
	len = quic_keys_seal(keys, QUIC_CRYPTO_INITIAL, pn, buf, hdr_len, hdr_len - 2, 2, plain, 1);
	if (len > 0)
		quic_output_raw(d->udp, &d->local, &d->remote, buf, len);
	kfree(buf);
	return max(len, 0);
}

/* RFC 9000 §10.2.3: CONNECTION_CLOSE in an Initial packet, under keys that need no state. */
void quic_reply_close(const struct quic_stray *d, struct quic_keys *keys,
		      const struct quic_cid *scid, u64 pn, u64 code)
{
	struct quic_frame f = { .type = QUIC_FRAME_CONNECTION_CLOSE, .close.code = code };
	struct quic_vec plain;
	struct quic_wr w;
	u8 frame[CLOSE_MAX];

	quic_wr_init(&w, frame, sizeof(frame));
	quic_frame_put(&w, &f);
	plain.base = frame;
	plain.len = w.p - frame;
	quic_reply_initial(d, keys, scid, pn, &plain);
}

void quic_reply_retry(const struct quic_stray *d)
{
	struct quic_net *qn = d->udp->qn;
	struct quic_token t = { .kind = QUIC_TOKEN_RETRY, .issued = quic_now() };
	struct quic_cid scid = { .len = QUIC_CID_LOCAL_LEN };
	struct quic_aead *key = qn->retry_key[d->h.version == QUIC_VERSION_V2];
	u8 token[QUIC_TOKEN_LEN_MAX];
	struct quic_wr w;
	int len;
	u8 *buf;

	t.addr = d->remote;
	t.odcid = d->h.dcid;
	t.version = d->h.version;
	len = quic_token_seal(&quic_kernel_crypto, qn->token_key, &t, token, sizeof(token));
	buf = len > 0 ? kmalloc(QUIC_REPLY_MAX, GFP_KERNEL) : NULL;
	if (!buf)
		return;
	/* RFC 9000 §17.2.5.1: an ID of our choice, other than the client's */
	get_random_bytes(scid.id, scid.len);
	quic_wr_init(&w, buf, QUIC_REPLY_MAX - QUIC_TAG_LEN);
	quic_hdr_put_retry(&w, d->h.version, &d->h.scid, &scid, token, len, get_random_u32());
	len = w.p - buf;
	if (!w.bad && !quic_keys_retry_seal(&quic_kernel_crypto, key, d->h.version, &d->h.dcid,
					    buf, len, buf + len)) {
		quic_output_raw(d->udp, &d->local, &d->remote, buf, len + QUIC_TAG_LEN);
		quic_stray_count(d->udp, QUIC_MIB_RETRY_OUT);
	}
	kfree(buf);
}

/* Close a connection that never was; its keys are made for that alone. */
void quic_reply_refuse(const struct quic_stray *d, u64 code)
{
	struct quic_keys keys;

	if (!may_reply(d->udp)) {
		quic_stray_count(d->udp, QUIC_MIB_DROP_UNKNOWN);
		return;
	}
	quic_keys_init(&keys, &quic_kernel_crypto, d->h.version);
	if (!quic_keys_set_initial(&keys, d->h.version, &d->h.dcid, true))
		quic_reply_close(d, &keys, &d->h.dcid, 0, code);
	quic_keys_free(&keys);
}
