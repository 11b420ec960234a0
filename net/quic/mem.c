// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chunks of sockets: where they come from and what they are charged to.
 *
 * A large chunk is a run of pages with its header and slices in a slab cache
 * beside it; a small one is a single allocation, so that a lone packet or a
 * short write does not tie up 32 KiB.  A wrapping chunk holds a received skb
 * (unprotected 1-RTT packets are read where they lie), or pages that are sent
 * without a copy (splice, MSG_ZEROCOPY).  Each is charged with
 * its true size to the socket, and through it to the memory cgroup and the
 * protocol's limits (quic_mem): sending to sk_wmem_queued, receiving to
 * sk_rmem_alloc.  All under the socket lock.
 */
#include <linux/gfp.h>
#include <net/sock.h>
#include "netns.h"

#define SMALL_MAX	8192	/* data bytes of a chunk in one allocation, at most */
#define SMALL_SLICES	4
#define RMEM_SLACK	(1 << 20)	/* above twice the flow control window */

#define WRAP_SLICES	(64 + 64 / 8 + 1)	/* of a wrapping chunk: for a train of UDP_MAX_SEGMENTS */
#define WRAP_FEW	(WRAP_FEW_SEGS + 1)	/* of one for a lone packet, or few: 1/8 of the memory */
#define WRAP_FEW_SEGS	7

#define STASH_MAX	8	/* large chunks that a CPU keeps for reuse, 256 KiB */

/*
 * Large chunks that were freed on this CPU, ready for the next: new pages cost
 * the allocator, and on most kernels a clearing of all their bytes.  Bottom
 * halves are off while it is used.
 */
struct stash {
	unsigned int n;
	struct quic_chunk *chunk[STASH_MAX];
};

static DEFINE_PER_CPU(struct stash, stash);
static struct kmem_cache *chunk_cache, *wrap_cache, *wrap_few_cache;
struct percpu_counter quic_sockets_allocated;

/*
 * What received data may take: the peer keeps to the windows, but small
 * packets carry their overhead along.
 */
static u64 rmem_limit(const struct sock *sk)
{
	const struct quic_streams *ss = &quic_sk(sk)->conn.streams;
	u64 window = max(ss->rcv_window, ss->rcv_window_max);

	window = 2 * window + RMEM_SLACK;
	if (quic_sk(sk)->conn.local_tp.max_datagram_frame_size)
		window += quic_sk(sk)->conn.dgrams.in_max;
	return max_t(u64, READ_ONCE(sk->sk_rcvbuf), window);
}

/* Twice what is in flight at most, unless the user said how much. */
static u64 wmem_limit(const struct sock *sk)
{
	u64 want = 2 * quic_sk(sk)->conn.cc.cwnd;

	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK)
		return READ_ONCE(sk->sk_sndbuf);
	return clamp_t(u64, want, READ_ONCE(sk->sk_sndbuf), quic_sysctl_wmem[2]);
}

int quic_sock_wspace(const struct sock *sk)
{
	s64 room = wmem_limit(sk) - READ_ONCE(sk->sk_wmem_queued);

	return clamp_t(s64, room, INT_MIN, INT_MAX);
}

static bool charge(struct sock *sk, int size, bool tx)
{
	int missing = size - sk->sk_forward_alloc;

	if (!tx && atomic_read(&sk->sk_rmem_alloc) + size > rmem_limit(sk))
		return false;
	if (missing > 0 && !__sk_mem_schedule(sk, missing, tx ? SK_MEM_SEND : SK_MEM_RECV))
		return false;
	sk_mem_charge(sk, size);
	if (tx)
		sk_wmem_queued_add(sk, size);
	else
		atomic_add(size, &sk->sk_rmem_alloc);
	return true;
}

static void uncharge(struct sock *sk, int size, bool tx)
{
	if (tx)
		sk_wmem_queued_add(sk, -size);
	else
		atomic_sub(size, &sk->sk_rmem_alloc);
	sk_mem_uncharge(sk, size);
}

static struct quic_chunk *alloc_small(struct sock *sk, u32 size, gfp_t gfp)
{
	size_t head = quic_chunk_struct_size(SMALL_SLICES);
	struct quic_chunk *c = kmalloc(head + size, gfp);
	u32 truesize;

	if (!c)
		return NULL;
	truesize = ksize(c);
	quic_chunk_setup(c, (u8 *)c + head, size, SMALL_SLICES, &quic_sock_chunk_ops, sk);
	c->mem = NULL;
	c->truesize = truesize;
	return c;
}

static struct quic_chunk *unstash(void)
{
	struct quic_chunk *c = NULL;
	struct stash *s;

	local_bh_disable();
	s = this_cpu_ptr(&stash);
	if (s->n)
		c = s->chunk[--s->n];
	local_bh_enable();
	return c;
}

static bool put_in_stash(struct quic_chunk *c)
{
	struct stash *s;
	bool room;

	if (c->size != QUIC_CHUNK_SIZE || page_is_pfmemalloc(c->mem))
		return false;
	local_bh_disable();
	s = this_cpu_ptr(&stash);
	room = s->n < STASH_MAX;
	if (room)
		s->chunk[s->n++] = c;
	local_bh_enable();
	return room;
}

static struct quic_chunk *new_pages_chunk(unsigned int order, gfp_t gfp)
{
	struct quic_chunk *c = kmem_cache_alloc(chunk_cache, gfp);

	if (!c)
		return NULL;
	c->mem = alloc_pages(gfp | __GFP_COMP, order);
	if (c->mem)
		return c;
	kmem_cache_free(chunk_cache, c);
	return NULL;
}

static struct quic_chunk *alloc_pages_chunk(struct sock *sk, u32 size, gfp_t gfp)
{
	unsigned int order = get_order(size);
	struct quic_chunk *c = NULL;
	struct page *page;

	if (order == get_order(QUIC_CHUNK_SIZE))
		c = unstash();
	if (!c)
		c = new_pages_chunk(order, gfp);
	if (!c)
		return NULL;
	page = c->mem;
	quic_chunk_setup(c, page_address(page), PAGE_SIZE << order, QUIC_CHUNK_SLICES,
			 &quic_sock_chunk_ops, sk);
	c->mem = page;
	c->truesize = (PAGE_SIZE << order) + quic_chunk_struct_size(QUIC_CHUNK_SLICES);
	return c;
}

static void free_pages_chunk(struct quic_chunk *c)
{
	put_page(c->mem);
	kmem_cache_free(chunk_cache, c);
}

static void release(struct quic_chunk *c)
{
	if (!c->mem)
		kfree(c);
	else if (!put_in_stash(c))
		free_pages_chunk(c);
}

static struct quic_chunk *chunk_alloc(void *priv, u32 size, bool tx, bool may_sleep)
{
	gfp_t gfp = (may_sleep ? GFP_KERNEL : GFP_ATOMIC) | __GFP_NOWARN;
	struct quic_chunk *c;
	struct sock *sk = priv;

	if (size <= SMALL_MAX)
		c = alloc_small(sk, size, gfp);
	else
		c = alloc_pages_chunk(sk, size, gfp);
	if (!c)
		return NULL;
	c->tx = tx;
	if (!charge(sk, c->truesize, tx)) {
		release(c);
		return NULL;
	}
	return c;
}

static void chunk_free(struct quic_chunk *c)
{
	uncharge(c->priv, c->truesize, c->tx);
	release(c);
}

const struct quic_chunk_ops quic_sock_chunk_ops = {
	.alloc	= chunk_alloc,
	.free	= chunk_free,
};

static struct kmem_cache *wrap_cache_of(unsigned int nslices)
{
	return nslices == WRAP_FEW ? wrap_few_cache : wrap_cache;
}

static void wrap_free(struct quic_chunk *c)
{
	uncharge(c->priv, c->truesize, false);
	consume_skb(c->mem);
	kmem_cache_free(wrap_cache_of(c->nslices), c);
}

static const struct quic_chunk_ops wrap_ops = { .free = wrap_free };

struct quic_chunk *quic_mem_wrap(struct sock *sk, struct sk_buff *skb)
{
	bool few = skb->len <= WRAP_FEW_SEGS * quic_skb_cb(skb)->seg;
	unsigned int nslices = few ? WRAP_FEW : WRAP_SLICES;
	struct kmem_cache *cache = wrap_cache_of(nslices);
	struct quic_chunk *c = kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_NOWARN);

	if (!c)
		return NULL;
	quic_chunk_setup(c, NULL, 0, nslices, &wrap_ops, sk);
	c->tx = false;
	c->truesize = skb->truesize + quic_chunk_struct_size(nslices);
	if (!charge(sk, c->truesize, false)) {
		kmem_cache_free(cache, c);
		return NULL;
	}
	c->mem = skb_get(skb);
	return c;
}

/* ---- pages of others ---- */

struct pages {		/* behind the slices of the chunk */
	struct ubuf_info *uarg;
	unsigned int n;
	struct page *page[];
};

static void pages_free(struct quic_chunk *c)
{
	struct pages *p = c->mem;
	unsigned int i;

	uncharge(c->priv, c->truesize, true);
	for (i = 0; i < p->n; i++)
		put_page(p->page[i]);
	net_zcopy_put(p->uarg);		/* takes NULL, too */
	kfree(c);
}

static const struct quic_chunk_ops pages_ops = { .free = pages_free };

struct quic_chunk *quic_mem_wrap_pages(struct sock *sk, struct page **page, unsigned int n,
				       u32 len, struct ubuf_info *uarg)
{
	size_t head = quic_chunk_struct_size(n);
	size_t size = head + struct_size((struct pages *)NULL, page, n);
	struct quic_chunk *c = kmalloc(size, GFP_KERNEL);
	struct pages *p;

	if (!c)
		return NULL;
	quic_chunk_setup(c, NULL, 0, n, &pages_ops, sk);
	c->tx = true;
	c->truesize = size + len;
	if (!charge(sk, c->truesize, true)) {
		kfree(c);
		return NULL;
	}
	p = (struct pages *)((u8 *)c + head);
	p->n = n;
	memcpy(p->page, page, n * sizeof(*page));
	p->uarg = uarg;
	if (uarg)
		net_zcopy_get(uarg);
	c->mem = p;
	return c;
}

/*
 * Objects of a cache with a constructor are not cleared when they are allocated, as most
 * kernels otherwise do (init_on_alloc): a slice is written before it is read.
 */
static void construct(void *chunk)
{
}

static struct kmem_cache *new_cache(const char *name, unsigned int nslices)
{
	return kmem_cache_create(name, quic_chunk_struct_size(nslices), 0, SLAB_HWCACHE_ALIGN,
				 construct);
}

int quic_mem_init(void)
{
	int err = -ENOMEM;

	chunk_cache = new_cache("quic_chunk", QUIC_CHUNK_SLICES);
	wrap_cache = new_cache("quic_wrap", WRAP_SLICES);
	wrap_few_cache = new_cache("quic_wrap_few", WRAP_FEW);
	if (chunk_cache && wrap_cache && wrap_few_cache)
		err = percpu_counter_init(&quic_sockets_allocated, 0, GFP_KERNEL);
	if (err) {
		kmem_cache_destroy(wrap_few_cache);	/* all take NULL */
		kmem_cache_destroy(wrap_cache);
		kmem_cache_destroy(chunk_cache);
	}
	return err;
}

static void empty_stashes(void)
{
	struct stash *s;
	int cpu;

	for_each_possible_cpu(cpu) {
		s = per_cpu_ptr(&stash, cpu);
		while (s->n)
			free_pages_chunk(s->chunk[--s->n]);
	}
}

void quic_mem_exit(void)
{
	empty_stashes();
	percpu_counter_destroy(&quic_sockets_allocated);
	kmem_cache_destroy(wrap_few_cache);
	kmem_cache_destroy(wrap_cache);
	kmem_cache_destroy(chunk_cache);
}
