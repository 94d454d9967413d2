LAB_TITLE := The network
LAB_ENABLES := net
LAB_FILES := net/checksum.c net/arp.c net/ipv4.c net/udp.c net/tcp_input.c net/tcp_output.c net/tcp_retransmit.c
