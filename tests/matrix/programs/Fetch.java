// SPDX-License-Identifier: MIT
// Fetch WAY HOST PORT TARGET: urlconn, httpclient, socket, nioblock or nio; the body on stdout.
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.charset.StandardCharsets;

public class Fetch {
    static final OutputStream out = new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16);
    static final ByteArrayOutputStream head = new ByteArrayOutputStream();
    static boolean headDone;

    static void sink(byte[] b, int n) throws IOException {
        if (headDone) {
            out.write(b, 0, n);
            return;
        }
        head.write(b, 0, n);
        byte[] all = head.toByteArray();
        int end = new String(all, StandardCharsets.ISO_8859_1).indexOf("\r\n\r\n");
        if (end < 0)
            return;
        headDone = true;
        out.write(all, end + 4, all.length - end - 4);
    }

    static void sink(ByteBuffer b) throws IOException {
        b.flip();
        byte[] copy = new byte[b.remaining()];
        b.get(copy);
        b.clear();
        sink(copy, copy.length);
    }

    static void socket(InetSocketAddress to, byte[] request) throws IOException {
        try (Socket s = new Socket()) {
            s.connect(to, 20000);
            s.setSoTimeout(20000);
            s.getOutputStream().write(request);
            byte[] b = new byte[8192];
            for (int n; (n = s.getInputStream().read(b)) > 0;)
                sink(b, n);
        }
    }

    static void nioBlocking(InetSocketAddress to, byte[] request) throws IOException {
        ByteBuffer b = ByteBuffer.allocateDirect(65536);
        try (SocketChannel c = SocketChannel.open(to)) {
            c.write(ByteBuffer.wrap(request));
            while (c.read(b) >= 0)
                sink(b);
        }
    }

    static void nio(InetSocketAddress to, byte[] request) throws IOException {
        ByteBuffer b = ByteBuffer.allocateDirect(65536);
        try (SocketChannel c = SocketChannel.open(); Selector s = Selector.open()) {
            c.configureBlocking(false);
            c.connect(to);
            SelectionKey k = c.register(s, SelectionKey.OP_CONNECT);
            for (;;) {
                if (s.select(20000) == 0)
                    System.exit(4);
                if (k.isConnectable()) {
                    c.finishConnect();
                    c.write(ByteBuffer.wrap(request));
                    k.interestOps(SelectionKey.OP_READ);
                } else if (k.isReadable()) {
                    if (c.read(b) < 0)
                        return;
                    sink(b);
                }
                s.selectedKeys().clear();
            }
        }
    }

    static void httpClient(URI uri) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(uri).build();
        HttpResponse<InputStream> r =
            HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofInputStream());
        if (r.statusCode() != 200)
            System.exit(3);
        r.body().transferTo(out);
    }

    public static void main(String[] a) throws Exception {
        InetSocketAddress to = new InetSocketAddress(a[1], Integer.parseInt(a[2]));
        URI uri = new URI("http://" + a[1] + ":" + a[2] + a[3]);
        byte[] request = ("GET " + a[3] + " HTTP/1.0\r\nHost: " + a[1] + ":" + a[2] + "\r\n\r\n").getBytes("US-ASCII");
        switch (a[0]) {
            case "urlconn": uri.toURL().openConnection().getInputStream().transferTo(out); break;
            case "httpclient": httpClient(uri); break;
            case "socket": socket(to, request); break;
            case "nioblock": nioBlocking(to, request); break;
            case "nio": nio(to, request); break;
            default: System.exit(64);
        }
        out.flush();
        System.exit(0);
    }
}
