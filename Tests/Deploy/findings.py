"""What the checks have found."""

from dataclasses import dataclass, field


@dataclass
class Findings:
    passed: int = 0
    faults: list[str] = field(default_factory=list)

    def expect(self, holds: object, fault: str) -> bool:
        """Counts one thing that was looked at."""
        if holds:
            self.passed += 1
        else:
            self.faults.append(fault)
        return bool(holds)
