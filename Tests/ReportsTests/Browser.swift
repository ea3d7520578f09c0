import Files
import Glibc
import TestSupport
import Testing

/// A headless Chromium that obeys its driver, by the WebDriver protocol (W3C). Every wait has a limit, so that a
/// browser that does not answer fails a test instead of holding it up.
final class Browser {
    private let process: pid_t
    private var port = 0
    private var session = ""
    private let files = TemporaryDirectory()

    /// Whether Chromium and its driver are installed, and tests in them are asked for.
    static let isInstalled =
        getenv("DTRAIN_BROWSER") != nil
        && system("command -v chromium >/dev/null && command -v chromedriver >/dev/null") == 0

    /// The seconds in which the driver starts, and in which it answers a request.
    private static let limitSeconds = 150

    /// Starts a browser whose window is `width` pixels wide; a phone has fingers instead of a mouse, and a dark theme.
    init(width: Int, isPhone: Bool) throws {
        process = try Browser.startDriver(log: files.file("log"))
        port = try #require(waitForPort(), "\(log)")
        let arguments: [JSON] = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            .string("--user-data-dir=\(profile)"), .string("--window-size=\(max(width, 520)),900"),
        ]
        let dark: [JSON] = isPhone ? ["--blink-settings=preferredColorScheme=0"] : []
        let phone: JSON = ["deviceMetrics": ["width": .integer(width), "height": 900, "pixelRatio": 1]]
        let options = [JSON.Member("args", .array(arguments + dark))]
        let capabilities: JSON = [
            "browserName": "chrome", "goog:loggingPrefs": ["browser": "ALL"],
            "timeouts": ["pageLoad": 120_000, "script": 60_000],
            "goog:chromeOptions": .object(options + (isPhone ? [.init("mobileEmulation", phone)] : [])),
        ]
        let answer = send("POST", "/session", ["capabilities": ["alwaysMatch": capabilities]])
        session = try #require(answer["sessionId"]?.stringValue, "\(answer.line)\n\(log)")
    }

    /// The directory of the browser's settings; its path is in the command line of each of its processes.
    private var profile: String { files.file("profile") }

    private var log: String {
        let bytes = try? FileSystem.contents(of: files.file("log"), limitBytes: 1 << 20)
        return String(decoding: bytes ?? [], as: UTF8.self)
    }

    /// Starts the driver in a process group of its own.
    private static func startDriver(log: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT, 0o644)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        let words = ["chromedriver", "--port=0"].map { (word: String) in strdup(word) }
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        let status = withChildAttributes(flags: Int(POSIX_SPAWN_SETPGROUP)) { attributes in
            posix_spawnattr_setpgroup(&attributes, 0)
            return posix_spawnp(&child, "chromedriver", &actions, &attributes, words + [nil], environ)
        }
        try #require(status == 0)
        return child
    }

    /// The port that the driver has chosen; nil if it does not say so in time.
    private func waitForPort() -> Int? {
        let sentence = "started successfully on port "
        for _ in 0..<Browser.limitSeconds * 20 {
            if let place = log.firstRange(of: sentence) { return Int(log[place.upperBound...].prefix { $0.isNumber }) }
            usleep(50_000)
        }
        return nil
    }

    deinit {
        if !session.isEmpty { _ = send("DELETE", "/session/\(session)", nil) }
        kill(-process, SIGTERM)
        var status: Int32 = 0
        for _ in 0..<100 {
            if waitpid(process, &status, WNOHANG) != 0 { break }
            usleep(50_000)
        }
        // Waits for nobody who ignores the request; the browser has a process group of its own.
        if kill(process, 0) == 0 {
            kill(-process, SIGKILL)
            waitpid(process, &status, 0)
        }
        for browser in browserProcesses() { kill(browser, SIGKILL) }
    }

    /// The processes of this browser that are active.
    private func browserProcesses() -> [pid_t] {
        let mark = Array("--user-data-dir=\(profile)".utf8)
        return ((try? FileSystem.list("/proc")) ?? []).compactMap(pid_t.init).filter {
            (try? FileSystem.contents(of: "/proc/\($0)/cmdline", limitBytes: 1 << 16))?.firstRange(of: mark) != nil
        }
    }

    private func send(_ method: String, _ path: String, _ body: JSON?) -> JSON {
        let answer =
            LoopbackClient.request(method, path, port: port, body: body?.line ?? "", seconds: Browser.limitSeconds)
            ?? ""
        let value = (try? JSON(parsing: Array(LoopbackClient.body(of: answer).utf8), source: path))?["value"]
        return value ?? .string(answer)
    }

    func open(_ address: String) { _ = send("POST", "/session/\(session)/url", ["url": .string(address)]) }

    /// The value that the body of a function returns.
    func value(_ script: String) -> JSON {
        send("POST", "/session/\(session)/execute/sync", ["script": .string(script), "args": .array([])])
    }

    /// Moves the pointer through places of the window; presses the button at the first and releases it at the last
    /// place if there are several.
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
