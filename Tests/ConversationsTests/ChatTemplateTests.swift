import Failures
import Testing

@testable import Conversations

struct ChatTemplateTests {}
