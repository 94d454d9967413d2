/* The counters of the protocols as RFC 1213 names them, and /proc/net/snmp. */
#include "core/node.h"
#include "net/ip.h"
#include "tcp_priv.h"
#include "udp_priv.h"

struct snmp snmp;

#define GET(field) atomic_load_relaxed(&snmp.field)

static int show_snmp(struct seq *s)
{
	seq_puts(s, "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards OutNoRoutes "
		    "ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates\n");
	seq_printf(s, "Ip: 2 64 %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu\n", GET(ip_InReceives), GET(ip_InHdrErrors), GET(ip_InAddrErrors),
		   GET(ip_ForwDatagrams), GET(ip_InUnknownProtos), GET(ip_InDiscards), GET(ip_InDelivers), GET(ip_OutRequests), GET(ip_OutDiscards), GET(ip_OutNoRoutes),
		   GET(ip_ReasmTimeout), GET(ip_ReasmReqds), GET(ip_ReasmOKs), GET(ip_ReasmFails), GET(ip_FragOKs), GET(ip_FragFails), GET(ip_FragCreates));
	seq_puts(s, "Icmp: InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects InEchos InEchoReps InTimestamps InTimestampReps "
		    "InAddrMasks InAddrMaskReps OutMsgs OutErrors OutRateLimitGlobal OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects "
		    "OutEchos OutEchoReps OutTimestamps OutTimestampReps OutAddrMasks OutAddrMaskReps\n");
	seq_printf(s, "Icmp: %lu %lu %lu %lu %lu %lu 0 0 %lu %lu 0 0 0 0 %lu %lu 0 0 %lu %lu %lu 0 0 %lu %lu 0 0 0 0\n", GET(icmp_InMsgs), GET(icmp_InErrors),
		   GET(icmp_InCsumErrors), GET(icmp_InDestUnreachs), GET(icmp_InTimeExcds), GET(icmp_InParmProbs), GET(icmp_InEchos), GET(icmp_InEchoReps),
		   GET(icmp_OutMsgs), GET(icmp_OutErrors), GET(icmp_OutDestUnreachs), GET(icmp_OutTimeExcds), GET(icmp_OutParmProbs), GET(icmp_OutEchos), GET(icmp_OutEchoReps));
	seq_puts(s, "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n");
	seq_printf(s, "Tcp: 1 200 120000 -1 %lu %lu %lu %lu %u %lu %lu %lu %lu %lu %lu\n", GET(tcp_ActiveOpens), GET(tcp_PassiveOpens), GET(tcp_AttemptFails),
		   GET(tcp_EstabResets), tcp_established_count(), GET(tcp_InSegs), GET(tcp_OutSegs), GET(tcp_RetransSegs), GET(tcp_InErrs), GET(tcp_OutRsts), GET(tcp_InCsumErrors));
	seq_puts(s, "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors\n");
	seq_printf(s, "Udp: %lu %lu %lu %lu %lu %lu %lu 0 0\n", GET(udp_InDatagrams), GET(udp_NoPorts), GET(udp_InErrors), GET(udp_OutDatagrams), GET(udp_RcvbufErrors),
		   GET(udp_SndbufErrors), GET(udp_InCsumErrors));
	seq_puts(s, "UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors\n");
	seq_printf(s, "UdpLite: %lu %lu %lu %lu %lu %lu %lu 0 0\n", GET(udplite_InDatagrams), GET(udplite_NoPorts), GET(udplite_InErrors), GET(udplite_OutDatagrams),
		   GET(udplite_RcvbufErrors), GET(udplite_SndbufErrors), GET(udplite_InCsumErrors));
	return 0;
}
NODE(net_snmp, .path = "net/snmp", .show = show_snmp);

/* --- /proc/net/sockstat ------------------------------------------------------------------------------------------------ */

static u32 count(struct port_table *t)
{
	struct inet_sock *sk;
	u32 n = 0;

	spin_lock(&t->lock);
	for (u32 i = 0; i < PORT_BUCKETS; i++)
		list_for_each(sk, &t->buckets[i], port_link)
			n++;
	spin_unlock(&t->lock);
	return n;
}

static int show_sockstat(struct seq *s)
{
	struct inet_sock *sk;
	u32 used = 0, orphans = 0, waiting = 0, all = 0, udp = count(&udp_ports), lite = count(&udplite_ports);

	spin_lock(&tcp_ports.lock);
	for (u32 i = 0; i < PORT_BUCKETS; i++)
		list_for_each(sk, &tcp_ports.buckets[i], port_link) {
			u8 state = READ_ONCE(tcp_of(sk)->state);
			if (state == TCP_TIME_WAIT)
				waiting++;
			else if (!READ_ONCE(sk->socket) && !READ_ONCE(tcp_of(sk)->listener))
				orphans++;
			else
				all++;
			used += state != TCP_TIME_WAIT && state != TCP_CLOSED;
		}
	spin_unlock(&tcp_ports.lock);
	seq_printf(s, "sockets: used %u\nTCP: inuse %u orphan %u tw %u alloc %u mem %lu\n", all + udp + lite, used, orphans, waiting, all, packet_memory() / 4096);
	seq_printf(s, "UDP: inuse %u mem 0\nUDPLITE: inuse %u\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n", udp, lite);
	return 0;
}
NODE(net_sockstat, .path = "net/sockstat", .show = show_sockstat);
