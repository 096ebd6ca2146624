// SPDX-License-Identifier: MIT
// java.net.http, which offers h2c in its first request: get URL FILE [URL FILE]... | post URL BODY ANSWER. The
// field X-Canary is $CANARY.
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;

public class FetchHttpClient {
    private static final HttpClient CLIENT = HttpClient.newBuilder().proxy(HttpClient.Builder.NO_PROXY).build();

    private static HttpRequest.Builder request(String url) {
        return HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(60))
            .header("X-Canary", System.getenv("CANARY"));
    }

    private static void save(HttpRequest request, String path) throws IOException, InterruptedException {
        int status = CLIENT.send(request, HttpResponse.BodyHandlers.ofFile(Path.of(path))).statusCode();
        if (status != 200) {
            throw new IOException("status " + status);
        }
    }

    public static void main(String[] args) throws InterruptedException {
        try {
            if (args[0].equals("post")) {
                save(request(args[1]).POST(HttpRequest.BodyPublishers.ofFile(Path.of(args[2]))).build(), args[3]);
            } else {
                for (int i = 1; i + 1 < args.length; i += 2) {
                    save(request(args[i]).build(), args[i + 1]);
                }
            }
        } catch (IOException e) {
            System.err.println("java.net.http: " + e.getMessage());
            System.exit(1);
        }
    }
}
