// SPDX-License-Identifier: MIT
// java's HttpURLConnection: get URL FILE [URL FILE]... | post URL BODY ANSWER. The field X-Canary is $CANARY.
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

public class FetchConnection {
    private static HttpURLConnection open(String url) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL(url).openConnection(Proxy.NO_PROXY);
        connection.setRequestProperty("X-Canary", System.getenv("CANARY"));
        connection.setConnectTimeout(60_000);
        connection.setReadTimeout(60_000);
        return connection;
    }

    private static void save(HttpURLConnection connection, String path) throws IOException {
        try (InputStream in = connection.getInputStream()) {
            Files.copy(in, Path.of(path), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    public static void main(String[] args) {
        try {
            if (args[0].equals("post")) {
                HttpURLConnection connection = open(args[1]);
                byte[] body = Files.readAllBytes(Path.of(args[2]));
                connection.setDoOutput(true);
                connection.setFixedLengthStreamingMode(body.length);
                try (OutputStream out = connection.getOutputStream()) {
                    out.write(body);
                }
                save(connection, args[3]);
            } else {
                for (int i = 1; i + 1 < args.length; i += 2) {
                    save(open(args[i]), args[i + 1]);
                }
            }
        } catch (IOException e) {
            System.err.println("HttpURLConnection: " + e.getMessage());
            System.exit(1);
        }
    }
}
