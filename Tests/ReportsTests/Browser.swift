import Files
import Glibc
import TestSupport
import Testing

/// A headless Chromium that obeys its driver, by the WebDriver protocol (W3C).
final class Browser {
    private let process: pid_t
    private let port: Int
    private var session = ""
    private let files = TemporaryDirectory()

    /// Whether Chromium and its driver are installed.
    static let isInstalled =
        getenv("DTRAIN_BROWSER") != nil
        && system("command -v chromium >/dev/null && command -v chromedriver >/dev/null") == 0

    /// Starts a browser whose window is `width` pixels wide; a phone has fingers instead of a mouse, and a dark theme.
    init(width: Int, isPhone: Bool) throws {
        port = 20_000 + Int(getpid()) % 20_000 + width % 97
        var child: pid_t = 0
        let command = "exec chromedriver --port=\(port) >'\(files.file("log"))' 2>&1"
        let words = ["sh", "-c", command].map { (word: String) in strdup(word) }
        defer { for word in words { free(word) } }
        // The driver's own group, so that the browser ends with it.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        try #require(posix_spawn(&child, "/bin/sh", nil, &attributes, words + [nil], environ) == 0)
        process = child
        var isReady = false
        for _ in 0..<200 where !isReady {
            usleep(50_000)
            isReady = LoopbackClient.request("GET", "/status", port: port)?.contains("\"ready\":true") ?? false
        }
        let arguments: [JSON] = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            .string("--user-data-dir=\(files.file("profile"))"), .string("--window-size=\(max(width, 520)),900"),
        ]
        let dark: [JSON] = isPhone ? ["--blink-settings=preferredColorScheme=0"] : []
        let phone: JSON = ["deviceMetrics": ["width": .integer(width), "height": 900, "pixelRatio": 1]]
        let options = [JSON.Member("args", .array(arguments + dark))]
        let capabilities: JSON = [
            "browserName": "chrome", "goog:loggingPrefs": ["browser": "ALL"],
            "goog:chromeOptions": .object(options + (isPhone ? [.init("mobileEmulation", phone)] : [])),
        ]
        let answer = send("POST", "/session", ["capabilities": ["alwaysMatch": capabilities]])
        session = try #require(answer["sessionId"]?.stringValue, "\(answer.line)")
    }

    deinit {
        if !session.isEmpty { _ = send("DELETE", "/session/\(session)", nil) }
        kill(-process, SIGTERM)
        var status: Int32 = 0
        waitpid(process, &status, 0)
    }

    private func send(_ method: String, _ path: String, _ body: JSON?) -> JSON {
        let answer = LoopbackClient.request(method, path, port: port, body: body?.line ?? "") ?? ""
        let value = (try? JSON(parsing: Array(LoopbackClient.body(of: answer).utf8), source: path))?["value"]
        return value ?? .string(answer)
    }

    func open(_ address: String) { _ = send("POST", "/session/\(session)/url", ["url": .string(address)]) }

    /// The value that the body of a function returns.
    func value(_ script: String) -> JSON {
        send("POST", "/session/\(session)/execute/sync", ["script": .string(script), "args": .array([])])
    }

    /// Moves the pointer through places of the window; presses the button at the first and releases it at the last place if
    /// there are several.
    func point(_ places: (x: Int, y: Int)...) {
        func move(_ place: (x: Int, y: Int)) -> JSON {
            ["type": "pointerMove", "duration": 20, "x": .integer(place.x), "y": .integer(place.y)]
        }
        var actions = [move(places[0])]
        if places.count > 1 {
            actions.append(["type": "pointerDown", "button": 0])
            actions += places.dropFirst().map(move)
            actions.append(["type": "pointerUp", "button": 0])
        }
        let pointer: JSON = [
            "type": "pointer", "id": "mouse", "parameters": ["pointerType": "mouse"], "actions": .array(actions),
        ]
        _ = send("POST", "/session/\(session)/actions", ["actions": .array([pointer])])
    }

    /// What the page has written to its console since the last call.
    func console() -> [String] {
        send("POST", "/session/\(session)/se/log", ["type": "browser"]).arrayValue?.compactMap {
            $0["message"]?.stringValue
        }
            ?? ["no log"]
    }

    /// Writes a picture of the window.
    func takePicture(_ path: String) throws {
        let text = try #require(send("GET", "/session/\(session)/screenshot", nil).stringValue)
        let command = "base64 -d > '\(path)'"
        let pipe = try #require(popen(command, "w"))
        fputs(text, pipe)
        #expect(pclose(pipe) == 0)
    }
}
